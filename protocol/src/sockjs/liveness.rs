//! Liveness: the message by which a client says that it is there, its answer, and the moment at which a client counts as
//! silent.
//!
//! The platform has no ping frames. A client that vanished without a word is noticed only if clients speak. Nothing here
//! sends anything or knows a connection: the object tells [`Silence`] what happened on the WebSockets that it holds. For
//! those of the Worker, `src/js/held_socket.js` follows the same rules, since no way leads from there into wasm.

use crate::service::options::{Config, Liveness};
use crate::sockjs::frame::{Frame, Message};
use crate::sockjs::payload::Messages;
use crate::time::Millis;

/// Reason of the close of a silent client, in sockjs-node's words.
pub const NO_RESPONSE: &str = "No response from heartbeat";

/// Rules by which a client counts as silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilenceRules {
    /// Time without a sign of life after which a client is silent.
    pub timeout: Millis,
    /// True if clients that never sent the liveness message are judged, too.
    pub required: bool,
}

impl SilenceRules {
    /// Returns the rules of `config`, or `None` if it sets no liveness message.
    pub fn new(config: &Config) -> Option<Self> {
        config.liveness.as_ref()?;
        Some(Self { timeout: config.silence_timeout, required: config.liveness_required })
    }

    /// Returns the time within which a further word of a client need not be remembered. It is short beside the timeout.
    pub fn granularity(&self) -> Millis {
        Millis(self.timeout.0 / 16).min(Millis::from_secs(5))
    }
}

impl Liveness {
    /// Returns the message, as the client's application sends it.
    pub fn message(&self) -> &str {
        match self {
            Self::Page => "",
            Self::Stomp => "\n",
            Self::Vertx => r#"{"type":"ping"}"#,
            Self::Message(message) => message,
        }
    }

    /// Returns the text in which stock clients send the message on a framed WebSocket: a JSON array of one string.
    pub fn request(&self) -> String {
        // Strings can always be written.
        serde_json::to_string(&[self.message()]).unwrap_or_default()
    }

    /// Returns the messages of the frame that answers a framed WebSocket. The answer is never a heartbeat, which a page
    /// would answer again.
    pub fn answer(&self) -> Vec<Message> {
        match self {
            Self::Stomp => vec![Message::new("\n")],
            Self::Page | Self::Vertx | Self::Message(_) => Vec::new(),
        }
    }

    /// Takes the liveness messages out of `messages`. Returns the others, and true if there was one.
    pub fn take_from(&self, messages: Messages) -> (Messages, bool) {
        let count = messages.len();
        let rest = messages.without(self.message());
        let has_beat = rest.len() < count;
        (rest, has_beat)
    }
}

/// A text on WebSockets that the runtime answers for an object by itself, also while the object sleeps. An object has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomaticAnswer {
    /// The text.
    pub request: String,
    /// The answer.
    pub answer: String,
}

impl AutomaticAnswer {
    /// Returns that of the objects of a service: the liveness message of its framed WebSockets. On a node of a cluster, where the Worker
    /// asks on each inner WebSocket whether the other node is there, services without one have a text that no client sends.
    pub fn of(config: &Config, is_node: bool) -> Option<Self> {
        match &config.liveness {
            Some(liveness) => {
                let answer = Frame::Messages(liveness.answer()).encode();
                Some(Self { request: liveness.request(), answer })
            }
            None if is_node => Some(Self { request: QUESTION.into(), answer: ANSWER.into() }),
            None => None,
        }
    }

    /// Returns the answer to what a node asks on an inner WebSocket whose service has another liveness message there, as in a deploy that
    /// sets one; `None` for everything else. The runtime answers only the object's own.
    pub fn of_other_config(question: &str) -> Option<&'static str> {
        match question {
            QUESTION => Some(ANSWER),
            r#"["\n"]"# => Some(r#"a["\n"]"#),
            _ if question.starts_with('[') => Some("a[]"),
            _ => None,
        }
    }
}

/// The question of a node about objects of services without a liveness message, and its answer. No client sends it.
const QUESTION: &str = "\0there?";
const ANSWER: &str = "\0there";

/// Signs of life of one client.
///
/// ```
/// use sockjs_protocol::sockjs::liveness::{Silence, SilenceRules};
/// use sockjs_protocol::time::Millis;
///
/// let rules = SilenceRules { timeout: Millis::from_secs(90), required: false };
/// let mut silence = Silence::new(Millis(0), rules);
/// assert_eq!(silence.ends_at(), None); // it never sent the liveness message
/// silence.beat(Millis(25_000));
/// assert_eq!(silence.ends_at(), Some(Millis(115_000)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    rules: SilenceRules,
    /// True if the client is closed when it is silent: it sent the liveness message, or has to.
    is_judged: bool,
    /// Moment of the last sign of life.
    alive: Millis,
    /// Moment of the client's last word.
    word: Millis,
    /// Moment at which the client was last asked, by a heartbeat, or at which it connected or the object woke up.
    asked: Millis,
    /// True if nobody knows when the client was last asked, since the object hibernated.
    is_asked_unknown: bool,
    /// Time by which the client was asked too early so far.
    early: Millis,
}

impl Silence {
    /// Returns the state of a client that connects `now`.
    pub fn new(now: Millis, rules: SilenceRules) -> Self {
        Self {
            rules,
            is_judged: rules.required,
            alive: now,
            word: now,
            asked: now,
            is_asked_unknown: false,
            early: Millis(0),
        }
    }

    /// Returns the state of a client that connected at `opened`, for an object that hibernated. `word` is the client's
    /// last word that was remembered; it is there only if the client is judged.
    pub fn wake(now: Millis, rules: SilenceRules, opened: Millis, word: Option<Millis>) -> Self {
        // A later word within the granularity was not remembered.
        let last = word.map_or(opened, |word| word + rules.granularity()).min(now);
        let is_judged = rules.required || word.is_some();
        Self { is_judged, alive: last, word: last, is_asked_unknown: true, ..Self::new(now, rules) }
    }

    /// Notes that the client said something.
    pub fn word(&mut self, at: Millis) {
        self.word = self.word.max(at);
        self.progress(at);
    }

    /// Notes that the client sent the liveness message.
    pub fn beat(&mut self, at: Millis) {
        self.is_judged = true;
        self.word(at);
    }

    /// Notes that the client read something for which it was seen to be blocked.
    pub fn progress(&mut self, at: Millis) {
        self.alive = self.alive.max(at);
    }

    /// Notes that a heartbeat asked the client. Clients are asked each `delay`.
    pub fn ask(&mut self, at: Millis, delay: Millis) {
        let due = self.asked + delay;
        if !std::mem::take(&mut self.is_asked_unknown) {
            self.early = self.early + (due - at) - (at - due);
        }
        self.asked = self.asked.max(at);
    }

    /// True if the client may be asked together with others, though it is not due yet. That adds up to no more than half a
    /// `delay`: a page answers each heartbeat, and is to send one message for each `delay`.
    pub fn may_ask_early(&self, now: Millis, delay: Millis) -> bool {
        self.is_asked_unknown || self.early + (self.asked + delay - now) <= delay.half()
    }

    /// True if the client is closed when it is silent.
    pub fn is_judged(&self) -> bool {
        self.is_judged
    }

    /// Returns the moment of the next heartbeat that asks the client: `delay` after its last word, and each `delay` while
    /// it does not answer.
    pub fn asks_at(&self, delay: Millis) -> Millis {
        self.word.max(self.asked) + delay
    }

    /// Returns the moment at which the client is silent, or `None` if it is not judged.
    pub fn ends_at(&self) -> Option<Millis> {
        self.is_judged.then(|| self.alive + self.rules.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sockjs::payload::PayloadLimits;

    const RULES: SilenceRules = SilenceRules { timeout: Millis(90_000), required: false };

    fn take(liveness: &Liveness, text: &str) -> (Vec<String>, bool) {
        let (rest, has_beat) = liveness.take_from(Messages::of_websocket(text.into(), PayloadLimits::NONE).unwrap());
        (rest.collect(), has_beat)
    }

    #[test]
    fn each_kind_has_its_message_and_its_answer() {
        for (name, message, request, answer) in [
            ("page", "", r#"[""]"#, "a[]"),
            ("stomp", "\n", r#"["\n"]"#, r#"a["\n"]"#),
            ("vertx", r#"{"type":"ping"}"#, r#"["{\"type\":\"ping\"}"]"#, "a[]"),
            ("still here", "still here", r#"["still here"]"#, "a[]"),
        ] {
            let liveness = Liveness::from(name);
            assert_eq!((liveness.message(), liveness.request().as_str()), (message, request));
            assert_eq!(Frame::Messages(liveness.answer()).encode(), answer);
            assert_eq!(take(&liveness, request), (vec![], true));
        }
    }

    #[test]
    fn the_runtime_answers_one_text_and_on_a_node_of_a_cluster_always_one() {
        let config = Config::new("/echo");
        assert_eq!(AutomaticAnswer::of(&config, false), None);
        let question = AutomaticAnswer::of(&config, true).unwrap();
        assert_ne!(question.request, question.answer);
        assert_eq!(AutomaticAnswer::of_other_config(&question.request), Some(&*question.answer));
        for liveness in ["page", "stomp", "vertx", "still here"] {
            let other = AutomaticAnswer::of(&Config::new("/echo").liveness(liveness), true).unwrap();
            assert_eq!(AutomaticAnswer::of_other_config(&other.request), Some(&*other.answer));
        }
        assert_eq!(AutomaticAnswer::of_other_config("m0,1,\n"), None);
        let config = config.liveness("page");
        for is_node in [false, true] {
            let AutomaticAnswer { request, answer } = AutomaticAnswer::of(&config, is_node).unwrap();
            assert_eq!((request.as_str(), answer.as_str()), (r#"[""]"#, "a[]"));
        }
    }

    #[test]
    fn however_it_is_written_it_does_not_reach_the_application() {
        let (page, stomp) = (Liveness::Page, Liveness::Stomp);
        assert_eq!(take(&page, r#""""#), (vec![], true));
        assert_eq!(take(&page, r#" [ "" , "a", "" ]"#), (vec!["a".into()], true));
        for text in [r#"["\u000a"]"#, r#""\n""#, r#"["\n","\u000A"]"#] {
            assert_eq!(take(&stomp, text), (vec![], true), "{text}");
        }
        assert_eq!(take(&stomp, r#"["SEND\n\n\u0000","\n"]"#), (vec!["SEND\n\n\0".into()], true));
    }

    #[test]
    fn others_stay_as_they_are() {
        for text in ["[]", "", r#"["a"]"#, r#"["a\n","","\n\n"]"#, r#"["a","b"]"#] {
            let messages = Messages::of_websocket(text.into(), PayloadLimits::NONE).unwrap();
            assert_eq!(Liveness::Stomp.take_from(messages.clone()), (messages, false), "{text}");
        }
        let raw = |text: &str| Messages::of_raw(text.into(), PayloadLimits::NONE).unwrap();
        assert!(Liveness::Page.take_from(raw("")).1);
        assert!(Liveness::Stomp.take_from(raw("\n")).1);
        assert!(!Liveness::Page.take_from(raw(r#"[""]"#)).1);
    }

    #[test]
    fn only_a_client_that_sent_the_message_is_judged() {
        let mut silence = Silence::new(Millis(0), RULES);
        silence.word(Millis(5_000));
        assert_eq!((silence.ends_at(), silence.is_judged()), (None, false));
        silence.beat(Millis(10_000));
        assert_eq!(silence.ends_at(), Some(Millis(100_000)));
        let required = Silence::new(Millis(0), SilenceRules { required: true, ..RULES });
        assert_eq!(required.ends_at(), Some(Millis(90_000)));
    }

    #[test]
    fn every_sign_of_life_counts_and_none_counts_backwards() {
        let mut silence = Silence::new(Millis(0), RULES);
        silence.beat(Millis(10_000));
        silence.word(Millis(20_000));
        silence.progress(Millis(30_000));
        silence.beat(Millis(15_000));
        assert_eq!(silence.ends_at(), Some(Millis(120_000)));
    }

    #[test]
    fn a_client_is_asked_after_its_last_word_and_again_while_it_is_silent() {
        let delay = Millis(25_000);
        let mut silence = Silence::new(Millis(0), RULES);
        silence.word(Millis(20_000));
        assert_eq!(silence.asks_at(delay), Millis(45_000));
        silence.progress(Millis(44_000));
        silence.ask(Millis(45_000), delay);
        assert_eq!(silence.asks_at(delay), Millis(70_000));
        silence.beat(Millis(45_100));
        assert_eq!(silence.asks_at(delay), Millis(70_100));
    }

    #[test]
    fn a_client_is_asked_early_for_half_a_delay_in_all() {
        let delay = Millis(10_000);
        let mut silence = Silence::new(Millis(0), RULES);
        assert!(!silence.may_ask_early(Millis(4_999), delay));
        assert!(silence.may_ask_early(Millis(7_000), delay));
        silence.ask(Millis(7_000), delay);
        assert!(!silence.may_ask_early(Millis(14_999), delay) && silence.may_ask_early(Millis(15_000), delay));
        silence.ask(Millis(15_000), delay);
        assert!(!silence.may_ask_early(Millis(24_999), delay) && silence.may_ask_early(Millis(25_000), delay));
        silence.ask(Millis(29_000), delay);
        assert!(silence.may_ask_early(Millis(35_000), delay), "lateness makes up for it");
    }

    #[test]
    fn sleep_is_no_excuse_and_no_accusation() {
        let woken = Silence::wake(Millis(100_000), RULES, Millis(0), Some(Millis(50_000)));
        assert_eq!(woken.ends_at(), Some(Millis(145_000)), "it may have spoken five seconds later");
        assert_eq!(woken.asks_at(Millis(25_000)), Millis(125_000));
        assert!(woken.may_ask_early(Millis(100_000), Millis(25_000)));
        assert_eq!(Silence::wake(Millis(100_000), RULES, Millis(0), None).ends_at(), None);
        let required = SilenceRules { required: true, ..RULES };
        assert_eq!(Silence::wake(Millis(100_000), required, Millis(7), None).ends_at(), Some(Millis(90_007)));
    }
}
