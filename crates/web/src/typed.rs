//! A form as it is shown: empty, or as it was typed with what is wrong.

use maud::{Markup, html};

use crate::{Fields, Refused, ui::Field};

/// What was typed in a form and why it was refused; empty for a new form. Every form page takes one.
#[derive(Clone, Copy, Default)]
pub struct Typed<'a> {
    fields: Option<&'a Fields>,
    refused: Option<&'a Refused>,
}

impl<'a> Typed<'a> {
    /// A form that was refused.
    pub fn again(fields: &'a Fields, refused: &'a Refused) -> Self {
        Self { fields: Some(fields), refused: Some(refused) }
    }

    /// A field with what was typed in it and what is wrong with it; before anything was typed it keeps its own value.
    #[must_use]
    pub fn field(&self, field: Field) -> Field {
        let name = field.name.clone();
        self.blamed(field, &[&name])
    }

    /// The same where the command knows the field by other names.
    #[must_use]
    pub fn blamed(&self, field: Field, names: &[&str]) -> Field {
        let error = self.refused.and_then(|refused| refused.of(&field.name).or_else(|| names.iter().find_map(|n| refused.of(n))));
        let value = self.fields.map_or_else(|| field.value.clone(), |fields| fields.get(&field.name).to_owned());
        Field { error, value, ..field }
    }

    /// How many numbered rows were typed.
    pub fn rows(&self, prefix: &str) -> usize {
        self.fields.map_or(0, |fields| fields.rows(prefix))
    }

    /// The sentence above the form; complaints about fields stand with them and in [`crate::ui::mend`].
    pub fn banner(&self) -> Markup {
        self.refused.map_or_else(|| html! {}, Refused::general)
    }
}
