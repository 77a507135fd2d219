//! Letters for the eye: HTML with its style in each tag, as mail programs want it, and plain text.

use maud::{DOCTYPE, Markup, html};
use web::{colour, t, tf};

use crate::letter::{Brand, Content};

const FONT: &str = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

/// `#rrggbb`.
fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The ink that is read best on a colour.
fn on(on: [u8; 3]) -> String {
    hex(colour::ink(on))
}

fn name(brand: &Brand) -> String {
    brand.name.clone().unwrap_or_else(|| t("letter-installation"))
}

/// The letter as a page.
pub(crate) fn html(brand: &Brand, content: &Content) -> Markup {
    let name = name(brand);
    let (colour, ink) = (hex(brand.colour), on(brand.colour));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                title { (content.subject) }
            }
            body style={ "margin:0;padding:0;background:#f4f1ec;color:#222222;" (FONT) } {
                table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" {
                    tr { td align="center" style="padding:24px 12px" {
                        table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:560px;background:#ffffff;border-radius:8px" {
                            tr { td style={ "padding:16px 24px;border-radius:8px 8px 0 0;background:" (colour) ";color:" (ink) ";font-size:18px;font-weight:600" } {
                                @if let Some(logo) = &brand.logo { img src=(logo) alt="" height="32" style="height:auto;max-height:32px;max-width:320px;vertical-align:middle;margin-right:12px"; }
                                (name)
                            } }
                            tr { td style="padding:24px;font-size:16px;line-height:1.5" { (inside(content, &colour, &ink)) } }
                        }
                        p style="max-width:560px;margin:16px auto 0;font-size:13px;line-height:1.5;color:#6b6459" { (tf("letter-why", &[("name", &name)])) }
                    } }
                }
            }
        }
    }
}

fn inside(content: &Content, colour: &str, ink: &str) -> Markup {
    html! {
        h1 style="margin:0 0 16px;font-size:22px;line-height:1.3" { (content.heading) }
        @for paragraph in &content.paragraphs { p style="margin:0 0 16px" { (paragraph) } }
        @if let Some(code) = &content.code {
            p style="margin:0 0 16px;font-size:30px;font-weight:700;letter-spacing:6px;font-family:Consolas,Menlo,monospace" { (code) }
        }
        @if let Some((label, url)) = &content.button {
            p style="margin:24px 0" {
                a href=(url) style={ "display:inline-block;padding:12px 20px;border-radius:6px;text-decoration:none;font-weight:600;background:" (colour) ";color:" (ink) } { (label) }
            }
            p style="margin:0 0 16px;font-size:13px;color:#6b6459;word-break:break-all" { (t("letter-link-else")) br; (url) }
        }
        @if let Some(footnote) = &content.footnote { p style="margin:0;font-size:13px;color:#6b6459" { (footnote) } }
    }
}

/// The letter in plain text.
pub(crate) fn text(brand: &Brand, content: &Content) -> String {
    let name = name(brand);
    let mut parts = vec![name.clone(), content.heading.clone()];
    parts.extend(content.paragraphs.iter().cloned());
    parts.extend(content.code.clone());
    parts.extend(content.button.as_ref().map(|(label, url)| format!("{label}:\n{url}")));
    parts.extend(content.footnote.clone());
    parts.push(format!("-- \n{}", tf("letter-why", &[("name", &name)])));
    let mut text = parts.join("\n\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_letter_is_markup() {
        let content = Content {
            kind: "test",
            subject: "<b>s</b>".into(),
            heading: "<script>alert(1)</script>".into(),
            paragraphs: vec!["a & b".into()],
            button: Some(("<i>".into(), "https://hearth.example/?a=1&b=2".into())),
            code: Some("012345".into()),
            footnote: Some("</body>".into()),
        };
        let html = html(&Brand::of("<Hill>", None, None), &content).into_string();
        for raw in ["<script>", "<b>s", "<i>", "</body></p>", "<Hill>"] {
            assert!(!html.contains(raw), "{raw}");
        }
        assert!(html.contains("href=\"https://hearth.example/?a=1&amp;b=2\"") && html.contains("012345") && html.contains("a &amp; b"));
        let text = text(&Brand::hearth(), &content);
        assert!(text.contains("https://hearth.example/?a=1&b=2") && text.contains("\n\n012345\n\n"), "{text}");
    }

    #[test]
    fn the_ink_is_readable_on_any_colour() {
        assert_eq!(on([255, 255, 0]), "#111111");
        assert_eq!(on([0x8a, 0x3b, 0x12]), "#ffffff");
    }
}
