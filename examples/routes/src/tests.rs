//! Admission of members.

use crate::{admission, refuse};
use sockjs_edge::Admission;

#[test]
fn a_member_has_the_token() {
    assert_eq!(admission("t=1&token=open%20sesame", Some("open sesame")), Admission::Admit);
    assert_eq!(admission("token=open", Some("open sesame")), refuse(403, "invalid token"));
    assert_eq!(admission("t=1", Some("open sesame")), refuse(401, "a token is needed"));
    assert_eq!(admission("token=open", None), refuse(403, "nobody is a member"));
}
