use sockjs_edge::{Config, Connection, Handler, Services};
use worker::{Env, Result};

struct Echo;
impl Handler for Echo {
    async fn on_message(&self, conn: &Connection, message: String) -> Result<()> {
        Ok(conn.send(message)?)
    }
}

fn services(_env: &Env) -> Services {
    // A page shows that it is alive with `sock.onheartbeat = () => sock.send("")`.
    // If a page did so once and then falls silent, its connection is closed.
    Services::new().add(Config::new("/echo").liveness("page"), |_env| Echo)
}

sockjs_edge::export!(SockJs, services);
