//! What people and programs send that is not as it should be: it is refused in words and by code, and changes nothing.

mod addresses;
mod bodies;
mod cells;
mod fields;
mod forgery;
mod forms;
mod fuzz;
mod living;
mod queries;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use kernel::PlatformRole;
use testkit::{Answer, Person, Story};
use uuid::Uuid;
use web::{Answers, Route};

use super::{make, routes};

/// Routes that take JSON.
fn taking_json(story: &Story) -> Vec<Arc<Route>> {
    let taking: Vec<_> = story.app.routes().iter().filter(|r| r.takes.is_some()).cloned().collect();
    assert!(taking.len() > 20, "the routes were read");
    taking
}

/// Routes that change something.
fn changing(story: &Story) -> impl Iterator<Item = &Arc<Route>> {
    story.app.routes().iter().filter(|r| r.method != Method::GET)
}

/// Who sends to which route: the operator's turn every member of a business away before they look at anything (see `routes`), so
/// to them goes somebody who runs the installation, with their second factor.
struct Senders {
    owner: Person,
    operator: Person,
}

impl Senders {
    async fn of(story: &Story) -> Self {
        Self { owner: story.owner.clone(), operator: operator(story).await }
    }

    fn to(&self, route: &Route) -> &Person {
        if route.needs.is_of_platform() { &self.operator } else { &self.owner }
    }
}

/// Somebody with every role on the installation.
async fn operator(story: &Story) -> Person {
    story.operator(&[PlatformRole::Admin, PlatformRole::Support, PlatformRole::BillingAdmin]).await
}

/// What all routes name by an id, the operator's among them: somebody who only sells, the business, a letter that did not go.
async fn fixtures(story: &Story) -> BTreeMap<&'static str, String> {
    let mut all = routes::fixtures(story).await;
    let user = story.member(&[kernel::Role::Seller]).await.account.unwrap();
    all.extend([("users", user.to_string()), ("tenants", story.tenant.to_string()), ("mail", letter(story).await)]);
    all
}

/// A letter that could not be sent: to somebody who was invited.
pub async fn letter(story: &Story) -> String {
    routes::invitation(story).await;
    let mut system = story.db.system("story.letter").await.unwrap();
    let dead = "UPDATE post.letter SET state = 'dead' WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM post.letter WHERE tenant_id = $1
        AND state = 'queued' ORDER BY id DESC LIMIT 1) RETURNING id";
    let id: Uuid = sqlx::query_scalar(dead).bind(story.tenant.uuid()).fetch_one(system.conn()).await.unwrap();
    system.commit().await.unwrap();
    id.to_string()
}

/// A path of the route with ids that nothing has.
fn nowhere(route: &Route) -> String {
    let nil = Uuid::nil().to_string();
    route.path.split('/').map(|part| if part.starts_with('{') { nil.as_str() } else { part }).collect::<Vec<_>>().join("/")
}

/// A body of a content type, with the token.
async fn send(person: &Person, route: &Route, content_type: Option<&str>, body: impl Into<Body>) -> Answer {
    let request = Request::builder().method(&route.method).uri(nowhere(route)).header("x-csrf-token", person.csrf());
    let request = content_type.into_iter().fold(request, |request, kind| request.header("content-type", kind));
    person.send(request.body(body.into()).unwrap()).await
}

/// Holds an answer to what every refusal is: a code of the table, as a problem document or as a page.
#[track_caller]
fn refused_well(answer: &Answer, answers: Answers) {
    let status = answer.status.as_u16();
    assert!((400..500).contains(&status), "{}: {status}: {}", answer.asked, answer.text());
    let kind = answer.header("content-type");
    match answers {
        Answers::Json => {
            assert_eq!(kind, "application/problem+json", "{}: {}", answer.asked, answer.text());
            let problem = answer.json();
            let code = problem["code"].as_str().unwrap_or_default();
            assert!(kernel::code(code).is_some(), "{}: no code of the table: {problem}", answer.asked);
            assert_eq!(problem["status"], status, "{}: {problem}", answer.asked);
        }
        Answers::Page => assert!(kind.starts_with("text/html"), "{}: {kind}: {}", answer.asked, answer.text()),
    }
}
