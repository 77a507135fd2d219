//! Whose sign-in page it is: the installation's own, or a business's with its name, logo and colour. Beside the look nothing
//! differs, and a short name that nobody has looks like the installation's own.

use kernel::Result;
use maud::Markup;
use web::{Cx, Fields, ui::Field};

use crate::{
    brand::{self, Look},
    business::named,
};

/// The page's owner; carried along from page to page by the business's short name.
#[derive(Default)]
pub(super) struct Whose {
    slug: Option<String>,
    look: Option<Look>,
}

impl Whose {
    /// That of a short name.
    pub async fn of(cx: &Cx, slug: Option<&str>) -> Result<Self> {
        let Some(slug) = named(slug) else { return Ok(Self::default()) };
        let look = brand::of_sign_in(&mut cx.app.db().system("identity.brand").await?, Some(slug), None).await?;
        Ok(Self { slug: Some(slug.to_owned()), look })
    }

    /// That of the address's query.
    pub async fn asked(cx: &Cx) -> Result<Self> {
        Self::of(cx, cx.param("business")).await
    }

    /// That of a form.
    pub async fn typed(cx: &Cx, fields: &Fields) -> Result<Self> {
        Self::of(cx, Some(fields.get("business"))).await
    }

    /// The short name.
    pub fn slug(&self) -> Option<&str> {
        self.slug.as_deref()
    }

    /// What a form carries along.
    pub fn field(&self) -> Option<Field> {
        self.slug.as_ref().map(|slug| Field::hidden("business", slug))
    }

    /// The address of a page that carries it along.
    pub fn to(&self, page: &str) -> String {
        let join = if page.contains('?') { '&' } else { '?' };
        self.slug.as_ref().map_or_else(|| page.to_owned(), |slug| format!("{page}{join}business={slug}"))
    }

    /// The sign-in page.
    pub fn sign_in(&self) -> String {
        self.slug.as_ref().map_or_else(|| "/login".to_owned(), |slug| format!("/login/{slug}"))
    }

    /// A page in its look.
    pub fn page(&self, cx: &Cx, title: String, body: Markup) -> Markup {
        cx.page_of(self.look.as_ref().map(Look::page), title, body)
    }
}
