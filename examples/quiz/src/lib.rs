//! A live quiz at `/quiz` for many players, who are spread over eight objects. Each answer is a group, so that its members can be
//! counted over all objects. The first object leads: `on_call` receives questions from outside, and it sends the results to all
//! others.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sockjs_edge::{CallError, Config, Connection, Handler, Placement, Push, PushError, Room, Services};
use std::time::Duration;
use worker::{Context, Date, Env, Request, Response, Result, ScheduleContext, ScheduledEvent, console_error, event};

/// Time between two counts of the answers, and the number of counts.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: u32 = 30;

/// The questions of the cron trigger, in turn.
const QUESTIONS: [(&str, [&str; 3]); 3] = [
    ("Which is the largest planet?", ["Saturn", "Jupiter", "Neptune"]),
    ("How many bits has a byte?", ["7", "8", "10"]),
    ("Who wrote the first program?", ["Ada Lovelace", "Alan Turing", "Grace Hopper"]),
];

/// The current question.
#[derive(Clone, Serialize, Deserialize)]
struct Question {
    number: u32,
    text: String,
    answers: Vec<String>,
    /// Remaining counts.
    looks: u32,
}

impl Question {
    /// Returns the group of the players who gave an answer.
    fn group(&self, answer: usize) -> String {
        group(self.number, answer)
    }
}

fn group(question: u32, answer: usize) -> String {
    format!("{question}:{answer}")
}

/// A message of a player: `{"question":7,"answer":2}`.
#[derive(Deserialize)]
struct Given {
    question: u32,
    answer: usize,
}

/// A call from outside: `"next"` or `{"ask":{"text":"...","answers":["...","..."]}}`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Call {
    Next,
    Ask { text: String, answers: Vec<String> },
}

struct Quiz;

impl Handler for Quiz {
    async fn on_message(&self, conn: &Connection, message: String) -> Result<()> {
        let Given { question, answer } = serde_json::from_str(&message)?;
        // A player who changes their mind counts once.
        for before in conn.groups() {
            conn.leave(&before)?;
        }
        Ok(conn.join(&group(question, answer))?)
    }

    async fn on_call(&self, room: &Room, call: String) -> std::result::Result<String, CallError> {
        let before: Option<Question> = room.storage()?.get("question").await?;
        let before = before.map_or(0, |before| before.number);
        let (text, answers) = match serde_json::from_str(&call)? {
            Call::Ask { answers, .. } if !(2..=9).contains(&answers.len()) => {
                return Err(CallError::rejected("a question has 2 to 9 answers"));
            }
            Call::Ask { text, answers } => (text, answers),
            Call::Next => {
                let next = QUESTIONS.into_iter().cycle().nth(before as usize);
                let (text, answers) = next.ok_or_else(|| CallError::rejected("there are no questions"))?;
                (text.into(), answers.map(String::from).into())
            }
        };
        let question = Question { number: before + 1, text, answers, looks: LOOKS };
        room.storage()?.put("question", question.clone()).await?;
        room.set_alarm(LOOK)?;
        let players = room.all().broadcast(told(&question, &[])).await.map_err(worker::Error::from)?;
        Ok(json!({ "players": players }).to_string())
    }

    /// Only the first object is called, so it alone has a question and an alarm.
    async fn on_alarm(&self, room: &Room) -> Result<()> {
        let Some(mut question) = room.storage()?.get::<Question>("question").await? else { return Ok(()) };
        let mut counts = Vec::new();
        for answer in 0..question.answers.len() {
            counts.push(room.all().to(question.group(answer)).count().await?);
        }
        question.looks = question.looks.saturating_sub(1);
        if question.looks > 0 {
            room.set_alarm(LOOK)?;
        }
        room.storage()?.put("question", question.clone()).await?;
        room.all().broadcast(told(&question, &counts)).await?;
        Ok(())
    }
}

/// Returns the message to all players. `at` reveals its latency.
fn told(question: &Question, counts: &[usize]) -> String {
    let Question { number, text, answers, looks } = question;
    let is_open = *looks > 0;
    json!({ "question": number, "text": text, "answers": answers, "counts": counts, "open": is_open, "at": now() })
        .to_string()
}

/// Returns the milliseconds since 1970. Native tests have no JavaScript clock.
fn now() -> u64 {
    if cfg!(test) { 0 } else { Date::now().as_millis() }
}

fn services(_env: &Env) -> Services {
    Services::new().add(Config::new("/quiz").placement(Placement::Shards(8)), |_env| Quiz)
}

sockjs_edge::export!(SockJs, services, routes);

async fn routes(mut req: Request, env: Env, _: Context) -> Result<Response> {
    match req.path().as_str() {
        "/" => Response::from_html(include_str!("page.html")),
        "/push" => Push::new(services, &env)?.serve(req, &[&token(&env)]).await,
        "/ask" if req.inner().method() != "POST" => Response::error("only POST", 405),
        "/ask" if !Push::is_authorized(&req, &[&token(&env)]) => Response::error("a bearer token is needed", 401),
        "/ask" => {
            let Ok(call) = req.json::<Call>().await else { return Response::error("no question", 400) };
            match ask(&env, &call).await {
                Ok(players) => Response::from_json(&players),
                Err(PushError::Rejected(reason)) => Response::error(reason, 422),
                Err(error) => Err(error.into()),
            }
        }
        _ => Response::error("not found", 404),
    }
}

#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    if let Err(error) = ask(&env, &Call::Next).await {
        console_error!("the next question: {error}");
    }
}

async fn ask(env: &Env, call: &Call) -> std::result::Result<serde_json::Value, PushError> {
    Push::new(services, env)?.room("/quiz")?.call(call).await
}

/// Returns an empty token if the secret is not set; an empty token never matches.
fn token(env: &Env) -> String {
    env.secret("PUSH_TOKEN").map(|token| token.to_string()).unwrap_or_default()
}
