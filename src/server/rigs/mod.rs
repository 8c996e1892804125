//! Services that only this project's tests need: feature `rigs`. What is deployed is without them.

mod flood;
mod herald;
mod instance;
mod lobby;
mod sleeper;
mod trouble;
mod witness;

use crate::{Config, Placement, Services};
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
        .add(flood::endless(config("/flood")), |_| Flood)
        .add(config("/herald").placement(Placement::Room), |_| Herald::default())
        .add(config("/instance"), |_| Instance::new())
        .add(config("/sleeper").placement(Placement::Room), |_| Sleeper::default())
        .add(config("/lobby/{room}").placement(Placement::Shards(2)), |_| Lobby::default())
        .add(config("/witness"), |_| Witness)
        .add(config("/trouble"), |_| Trouble)
}
