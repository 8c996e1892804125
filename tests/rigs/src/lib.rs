//! The Worker that the tests start: the deployable one, with services that only this project's tests need.

mod doorman;
mod flood;
mod herald;
mod instance;
mod lobby;
mod sleeper;
mod society;
mod trouble;
mod witness;

use doorman::Doorman;
use flood::Flood;
use herald::Herald;
use instance::Instance;
use lobby::Lobby;
use sleeper::Sleeper;
use society::{Crier, Society};
use sockjs_edge::{Config, Placement, Services, Upstream};
use sockjs_server::Echo;
use trouble::Trouble;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use witness::Witness;
use worker::{Env, web_sys, worker_sys};

sockjs_edge::durable_object!(SockJs, services);

#[wasm_bindgen(js_name = fetch)]
#[allow(missing_docs)]
pub fn fetch_event(request: web_sys::Request, env: Env, context: worker_sys::Context) -> JsValue {
    sockjs_server::fetch(services, request, env, context)
}

fn services(env: &Env) -> Services {
    sockjs_server::services(env, |services, config| {
        let services = add(services, config);
        let upstream = env.var("SOCKJS_UPSTREAM").ok().and_then(|upstream| Upstream::read(&upstream.to_string()).ok());
        match upstream.filter(|upstream| upstream.placeholders().next().is_none()) {
            Some(upstream) => services.add_upstream_with::<Doorman>(config("/doorkept").upstream(upstream)),
            None => services,
        }
    })
}

/// Adds the services of the tests; `config` makes the settings of a prefix.
fn add(services: Services, config: &dyn Fn(&str) -> Config) -> Services {
    services
        .add(config("/doorman"), |_| Doorman)
        .add(flood::endless(config("/flood")), |_| Flood)
        .add(config("/herald").placement(Placement::Room), |_| Herald::default())
        .add(config("/instance"), |_| Instance::new())
        .add(config("/society/{room}").placement(Placement::Room), |_| Society::new())
        .add(config("/nation").placement(Placement::Shards(8)), |_| Society::new())
        .add(config("/crier"), |env| Crier::new(env.clone()))
        .add(config("/sleeper").placement(Placement::Room), |_| Sleeper::default())
        .add(config("/lobby/{room}").placement(Placement::Shards(2)), |_| Lobby::default())
        // A room of its own, below the prefix of the others.
        .add(config("/lobby/hall").placement(Placement::Shards(2)), |_| Echo)
        .add(config("/witness"), |_| Witness)
        .add(config("/trouble"), |_| Trouble)
}
