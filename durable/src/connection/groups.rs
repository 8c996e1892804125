//! The groups of a connection.

use crate::info::errors::GroupError;
use crate::store::kept::{KEPT_MAX, written};
use sockjs_protocol::inner::envelope::is_group_name;

/// Most groups of a connection: each takes memory beyond its name.
const GROUPS_MAX: usize = 64;

/// The groups of a connection, in the order in which it joined them.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    memberships: Vec<Membership>,
}

/// One group of a connection.
#[derive(Debug)]
struct Membership {
    group: String,
    /// Place among the members of the group. `None` while the connection is not in the table.
    place: Option<usize>,
}

impl Groups {
    /// Returns the groups that are stored with a connection, as JSON.
    pub fn kept(json: Option<&str>) -> Self {
        let groups: Vec<String> = json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        Self { memberships: groups.into_iter().map(|group| Membership { group, place: None }).collect() }
    }

    /// Checks that `group` can be joined by a connection with `state` bytes of state. Returns all its groups with the new one, as
    /// JSON, or `None` if it is a member already.
    pub fn with(&self, group: &str, state: usize) -> Result<Option<String>, GroupError> {
        if !is_group_name(group) {
            return Err(GroupError::Name);
        }
        if self.contains(group) {
            return Ok(None);
        }
        let json = written(self.names().chain([group]));
        let fits = self.memberships.len() < GROUPS_MAX && json.len() + state <= KEPT_MAX;
        if fits { Ok(Some(json)) } else { Err(GroupError::TooMany) }
    }

    /// Returns the groups without `group`, as JSON. `None` if the connection is no member.
    pub fn without(&self, group: &str) -> Option<String> {
        self.contains(group).then(|| written(self.names().filter(|name| *name != group)))
    }

    pub fn contains(&self, group: &str) -> bool {
        self.names().any(|name| name == group)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.memberships.iter().map(|membership| &*membership.group)
    }

    /// Returns all groups as JSON, or `None` if there is none.
    pub fn json(&self) -> Option<String> {
        if self.memberships.is_empty() { None } else { Some(written(self.names())) }
    }

    pub fn add(&mut self, group: &str) {
        self.memberships.push(Membership { group: group.to_owned(), place: None });
    }

    /// Removes a group, and returns the connection's place in it.
    pub fn remove(&mut self, group: &str) -> Option<usize> {
        let at = self.memberships.iter().position(|membership| membership.group == group)?;
        self.memberships.remove(at).place
    }

    /// Gives the connection a place in each group where it has none.
    pub fn enter(&mut self, mut enter: impl FnMut(&str) -> usize) {
        for membership in &mut self.memberships {
            membership.place.get_or_insert_with(|| enter(&membership.group));
        }
    }

    /// Gives up the connection's places. It keeps the names.
    pub fn exit(&mut self, mut exit: impl FnMut(&str, usize)) {
        for membership in &mut self.memberships {
            if let Some(place) = membership.place.take() {
                exit(&membership.group, place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_kept_as_json_in_the_order_in_which_they_were_joined() {
        let mut groups = Groups::default();
        assert_eq!(groups.json(), None);
        for (group, json) in [("b", r#"["b"]"#), ("a\"", r#"["b","a\""]"#)] {
            assert_eq!(groups.with(group, 0), Ok(Some(json.to_owned())));
            groups.add(group);
            assert_eq!(groups.with(group, 0), Ok(None));
            assert_eq!(groups.json().as_deref(), Some(json));
        }
        assert_eq!(Groups::kept(groups.json().as_deref()).names().collect::<Vec<_>>(), ["b", "a\""]);
        assert_eq!(groups.without("b").as_deref(), Some(r#"["a\""]"#));
        assert_eq!(groups.without("c"), None);
        groups.remove("b");
        assert!(!groups.contains("b") && groups.contains("a\""));
    }

    #[test]
    fn names_and_their_number_are_limited() {
        let groups = Groups::default();
        assert_eq!(groups.with("", 0), Err(GroupError::Name));
        assert_eq!(groups.with(&"x".repeat(129), 0), Err(GroupError::Name));
        assert!(groups.with(&"x".repeat(128), 0).is_ok());
        assert!(groups.with("x", KEPT_MAX - 5).is_ok());
        assert_eq!(groups.with("x", KEPT_MAX - 4), Err(GroupError::TooMany));
        let mut groups = Groups::default();
        for group in 0..GROUPS_MAX {
            assert!(groups.with(&group.to_string(), 0).is_ok());
            groups.add(&group.to_string());
        }
        assert_eq!(groups.with("another", 0), Err(GroupError::TooMany));
        assert_eq!(groups.with("0", 0), Ok(None));
    }

    #[test]
    fn a_connection_has_one_place_in_each_group_until_it_ends() {
        let mut groups = Groups::kept(Some(r#"["a","b"]"#));
        let mut entered = Vec::new();
        let mut enter = |group: &str| {
            entered.push(group.to_owned());
            entered.len()
        };
        groups.enter(&mut enter);
        groups.enter(&mut enter);
        assert_eq!(entered, ["a", "b"]);
        let mut left = Vec::new();
        groups.exit(|group, place| left.push((group.to_owned(), place)));
        groups.exit(|group, place| left.push((group.to_owned(), place)));
        assert_eq!(left, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
        assert!(groups.contains("a"), "on_close may ask");
    }
}
