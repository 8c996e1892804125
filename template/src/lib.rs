use sockjs_edge::{Config, Connection, Handler, Services};
use worker::{Context, Env, Request, Response, Result, event};

struct Echo;
impl Handler for Echo {
    async fn on_message(&self, conn: &Connection, message: String) -> Result<()> {
        Ok(conn.send(message)?)
    }
}

fn services(_env: &Env) -> Services {
    Services::new().add(Config::new("/echo"), |_env| Echo)
}

sockjs_edge::durable_object!(SockJs, services);

#[event(fetch)]
async fn fetch(req: Request, env: Env, ctx: Context) -> Result<Response> {
    sockjs_edge::serve(services, req, &env, &ctx).await
}
