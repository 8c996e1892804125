//! Pushes from an object of a room to all objects of the room.

use crate::application::host::Members;
use crate::info::errors::ShardsError;
use crate::object::Object;
use crate::peers::object_address::ObjectAddress;
use crate::peers::publisher::Publisher;
use sockjs_protocol::inner::envelope::{Push, PushTarget};
use sockjs_protocol::service::options::Config;
use sockjs_protocol::service::placement::{object_names, prefix_of};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The publishers to all objects of this object's rooms, by the prefixes of their services.
#[derive(Default)]
pub(super) struct Shards(RefCell<HashMap<String, Rc<Publisher>>>);

impl Object {
    /// Pushes to the members in all objects of the room.
    pub(super) async fn push_to_all(
        self: Rc<Self>,
        to: Members,
        push: Push,
        message: Rc<str>,
    ) -> Result<usize, ShardsError> {
        let Some(publisher) = self.publisher(&to.service) else { return Err(ShardsError::gone()) };
        let target = to.group.clone().map_or(PushTarget::Room, PushTarget::Group);
        let own = Box::pin(self.clone().push_here(to, push.clone(), message.clone()));
        publisher.push(target, push, &message, Some(own)).await
    }

    fn publisher(&self, service: &str) -> Option<Rc<Publisher>> {
        if let Some(known) = self.shards.0.borrow().get(service) {
            return Some(known.clone());
        }
        let config = &self.services.find(service)?.config;
        let publisher = Rc::new(Publisher::new(config, self.room_objects(config)));
        self.shards.0.borrow_mut().insert(service.to_owned(), publisher.clone());
        Some(publisher)
    }

    /// Returns the objects of a room, this one without an address. It is the only one if each session has an object of its own,
    /// or if the others cannot be named.
    fn room_objects(&self, config: &Config) -> Vec<(String, Option<ObjectAddress>)> {
        let name = self.state.id().name().unwrap_or_default();
        let namespace = self.env.durable_object(self.services.binding_name()).ok();
        let names = prefix_of(&name).and_then(|prefix| object_names(config, prefix));
        let (Some(namespace), Some(names)) = (namespace, names) else {
            return vec![(name, None)];
        };
        let address = |other: String| {
            let address = (other != name).then(|| ObjectAddress::named(namespace.clone(), other.clone(), config));
            (other, address)
        };
        names.into_iter().map(address).collect()
    }
}
