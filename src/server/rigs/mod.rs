//! Services that only this project's tests need: feature `rigs`. What is deployed is without them.

mod doorman;
mod flood;
mod herald;
mod instance;
mod lobby;
mod sleeper;
mod trouble;
mod witness;

use super::echo::Echo;
use crate::{Config, Placement, Services};
use doorman::Doorman;
use flood::Flood;
use herald::Herald;
use instance::Instance;
use lobby::Lobby;
use sleeper::Sleeper;
use trouble::Trouble;
use witness::Witness;

/// `services` with them; `config` makes the settings of a prefix.
pub(super) fn add(services: Services, config: impl Fn(&str) -> Config) -> Services {
    services
        .add(config("/doorman"), |_| Doorman)
        .add(flood::endless(config("/flood")), |_| Flood)
        .add(config("/herald").placement(Placement::Room), |_| Herald::default())
        .add(config("/instance"), |_| Instance::new())
        .add(config("/sleeper").placement(Placement::Room), |_| Sleeper::default())
        .add(config("/lobby/{room}").placement(Placement::Shards(2)), |_| Lobby::default())
        // A room of its own, below the prefix of the others.
        .add(config("/lobby/hall").placement(Placement::Shards(2)), |_| Echo)
        .add(config("/witness"), |_| Witness)
        .add(config("/trouble"), |_| Trouble)
}
