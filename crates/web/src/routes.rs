//! The route table is data: what is asked for, who may, what is taken and what is answered.

use std::{future::Future, sync::Arc};

use axum::{http::Method, routing::MethodFilter};
use db::{Command, list::List};
use futures::future::BoxFuture;
use kernel::{Permission, Result};
use maud::Markup;
use serde::de::DeserializeOwned;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{Cx, Fields, Reply, Rule, Upload, body, listing};

/// How a route takes its body and answers refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// JSON, problem documents.
    Json,
    /// Pages: HTML, sign-in by redirect.
    Page,
}

pub(crate) type Handler = Arc<dyn Fn(Cx) -> BoxFuture<'static, Result<Reply>> + Send + Sync>;
pub(crate) type Uploader = Arc<dyn Fn(Cx, Upload) -> BoxFuture<'static, Result<Reply>> + Send + Sync>;

pub(crate) enum Does {
    Handle(Handler),
    /// Streams a multipart body after its CSRF field was checked.
    Upload(Uploader),
}

/// One route.
pub struct Route {
    /// GET, POST, …
    pub method: Method,
    /// `/v1/items/{id}`.
    pub path: &'static str,
    /// Without it the route is refused.
    pub needs: Permission,
    /// Pages or JSON.
    pub answers: Answers,
    /// Whose it is.
    pub slice: &'static str,
    /// What it does, for the API's description: the command's name or the list's.
    pub name: String,
    /// The body's schema, where it takes one.
    pub takes: Option<Described>,
    /// The answer's schema.
    pub gives: Option<Described>,
    /// A list behind it.
    pub list: Option<&'static List>,
    /// Query parameters that are not a list's.
    pub query: &'static [&'static str],
    /// No time limit: streams and uploads.
    pub slow: bool,
    /// How often it may be asked for, beside what everybody who is signed in may.
    pub limits: &'static [Rule],
    pub(crate) does: Does,
}

/// A schema, and those it names.
#[derive(Clone)]
pub struct Described {
    /// Its name among the components.
    pub name: String,
    /// Itself.
    pub schema: RefOr<Schema>,
    /// What it refers to.
    pub others: Vec<(String, RefOr<Schema>)>,
}

impl Described {
    fn of<T: ToSchema>() -> Self {
        let mut others = Vec::new();
        T::schemas(&mut others);
        Self { name: T::name().into_owned(), schema: T::schema(), others }
    }
}

impl Route {
    pub(crate) fn method_filter(&self) -> MethodFilter {
        MethodFilter::try_from(self.method.clone()).unwrap_or(MethodFilter::GET)
    }

    /// Whether its pattern matches a path.
    pub fn is_at(&self, path: &str) -> bool {
        let (mut pattern, mut parts) = (self.path.split('/'), path.split('/'));
        loop {
            match (pattern.next(), parts.next()) {
                (None, None) => return true,
                (Some(own), Some(part)) if own == part || (own.starts_with('{') && !part.is_empty()) => {}
                _ => return false,
            }
        }
    }

    /// Whether the path names a thing by id.
    pub fn has_id(&self) -> bool {
        self.path.contains('{')
    }
}

/// Where slices declare their routes. Each is written `"POST /v1/batches/{id}/finish"`; each names its permission.
#[derive(Default)]
pub struct Routes {
    pub(crate) slice: &'static str,
    pub(crate) all: Vec<Route>,
    limits: Vec<(&'static str, &'static [Rule])>,
}

/// The last part of a type's name: what the API calls it.
fn short<T>() -> String {
    let name = std::any::type_name::<T>();
    name.rsplit("::").next().unwrap_or(name).to_owned()
}

impl Routes {
    fn add(&mut self, route: &'static str, needs: Permission, answers: Answers, name: String, does: Does) -> &mut Route {
        let (method, path) = route.split_once(' ').unwrap_or(("GET", route));
        let method = method.parse().unwrap_or(Method::GET);
        let route = Route {
            method,
            path,
            needs,
            answers,
            slice: self.slice,
            name,
            takes: None,
            gives: None,
            list: None,
            query: &[],
            slow: false,
            limits: &[],
            does,
        };
        self.all.push(route);
        // Just pushed.
        let last = self.all.len() - 1;
        &mut self.all[last]
    }

    /// How often a route may be asked for; it may be declared before or after. The call and the form of one act take the same rules.
    pub fn limited(&mut self, route: &'static str, rules: &'static [Rule]) {
        self.limits.push((route, rules));
    }

    /// All routes with their limits, and the limits that belong to no route.
    pub(crate) fn limit_all(&mut self) -> Vec<&'static str> {
        let mut strays = Vec::new();
        for (name, rules) in std::mem::take(&mut self.limits) {
            let is_it =
                |route: &&mut Route| name.split_once(' ').is_some_and(|(method, path)| route.method == method && route.path == path);
            match self.all.iter_mut().find(is_it) {
                Some(route) => route.limits = rules,
                None => strays.push(name),
            }
        }
        strays
    }

    /// A command as JSON: the body's fields and the path's ids together are the command.
    pub fn command<C>(&mut self, route: &'static str)
    where
        C: Command + DeserializeOwned + ToSchema,
        C::Out: ToSchema,
    {
        let handler: Handler = Arc::new(|cx: Cx| {
            Box::pin(async move {
                let command: C = body::command(&cx)?;
                cx.run(command).await.map(Reply::answer)
            })
        });
        let added = self.add(route, C::NEEDS, Answers::Json, short::<C>(), Does::Handle(handler));
        added.takes = Some(Described::of::<C>());
        added.gives = Some(Described::of::<C::Out>());
    }

    /// A list as JSON, CSV (`Accept: text/csv` or `?format=csv`) and XLSX (`?format=xlsx`).
    pub fn list(&mut self, route: &'static str, needs: Permission, list: &'static List) {
        let handler: Handler = Arc::new(move |cx: Cx| Box::pin(async move { listing::answer(cx, list).await }));
        let added = self.add(route, needs, Answers::Json, list.name.to_owned(), Does::Handle(handler));
        added.list = Some(list);
        added.slow = true;
    }

    /// Anything else that answers JSON.
    pub fn json<T, F, R>(&mut self, route: &'static str, needs: Permission, name: &str, query: &'static [&'static str], handler: F)
    where
        T: ToSchema + serde::Serialize,
        F: Fn(Cx) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<T>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |cx: Cx| {
            let work = handler(cx);
            Box::pin(async move { Reply::json(&work.await?) })
        });
        let added = self.add(route, needs, Answers::Json, name.to_owned(), Does::Handle(handler));
        added.gives = Some(Described::of::<T>());
        added.query = query;
    }

    /// The same where the answer may also be a file (`?format=csv`): the handler answers, `T` describes its JSON.
    pub fn json_or_file<T, F, R>(&mut self, route: &'static str, needs: Permission, name: &str, query: &'static [&'static str], handler: F)
    where
        T: ToSchema,
        F: Fn(Cx) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<Reply>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |cx: Cx| Box::pin(handler(cx)));
        let added = self.add(route, needs, Answers::Json, name.to_owned(), Does::Handle(handler));
        added.gives = Some(Described::of::<T>());
        added.query = query;
    }

    /// A call that is no command of one tenant (sign-in, opening a business): takes `B`, answers as it likes.
    pub fn call<B, T, F, R>(&mut self, route: &'static str, needs: Permission, name: &str, handler: F)
    where
        B: DeserializeOwned + ToSchema + Send + 'static,
        T: ToSchema,
        F: Fn(Cx, B) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<Reply>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |cx: Cx| {
            let handler = handler.clone();
            Box::pin(async move {
                let taken: B = body::command(&cx)?;
                handler(cx, taken).await
            })
        });
        let added = self.add(route, needs, Answers::Json, name.to_owned(), Does::Handle(handler));
        added.takes = Some(Described::of::<B>());
        added.gives = Some(Described::of::<T>());
    }

    /// Anything that makes its own answer: health, files, documents. `query` names its parameters.
    pub fn raw<F, R>(&mut self, route: &'static str, needs: Permission, answers: Answers, query: &'static [&'static str], handler: F)
    where
        F: Fn(Cx) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<Reply>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |cx: Cx| Box::pin(handler(cx)));
        let name = route.to_owned();
        self.add(route, needs, answers, name, Does::Handle(handler)).query = query;
    }

    /// A stream without an end.
    pub fn stream<F, R>(&mut self, route: &'static str, needs: Permission, handler: F)
    where
        F: Fn(Cx) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<Reply>> + Send + 'static,
    {
        self.raw(route, needs, Answers::Json, &[], handler);
        if let Some(last) = self.all.last_mut() {
            last.slow = true;
        }
    }

    /// A page.
    pub fn page<F, R>(&mut self, route: &'static str, needs: Permission, handler: F)
    where
        F: Fn(Cx) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<Markup>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |cx: Cx| {
            let work = handler(cx);
            Box::pin(async move { Ok(Reply::page(work.await?)) })
        });
        self.add(route, needs, Answers::Page, route.to_owned(), Does::Handle(handler));
    }

    /// What a form sends to. The handler answers with a redirect when it is done and with the form when it is refused.
    pub fn form<F, R>(&mut self, route: &'static str, needs: Permission, handler: F)
    where
        F: Fn(Cx, Fields) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<Reply>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |cx: Cx| {
            let handler = handler.clone();
            Box::pin(async move {
                let fields = Fields::read(&cx)?;
                handler(cx, fields).await
            })
        });
        self.add(route, needs, Answers::Page, route.to_owned(), Does::Handle(handler));
    }

    /// What a form with files sends to: a stream, never held in memory whole. `/v1` paths answer JSON.
    pub fn upload<F, R>(&mut self, route: &'static str, needs: Permission, handler: F)
    where
        F: Fn(Cx, Upload) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<Reply>> + Send + 'static,
    {
        let does = Does::Upload(Arc::new(move |cx, upload| Box::pin(handler(cx, upload))));
        let answers = if route.contains(" /v1/") { Answers::Json } else { Answers::Page };
        self.add(route, needs, answers, route.to_owned(), does).slow = true;
    }
}
