//! Text in the making that knows what must be escaped.

/// A page in the making.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup, as it is.
    pub(super) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// Text of any content.
    pub(super) fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.raw("&amp;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '"' => self.raw("&quot;"),
                c => self.0.push(c),
            }
        }
    }

    /// Text in an element.
    pub(super) fn element(&mut self, name: &str, text: &str) {
        self.0.extend(["<", name, ">"]);
        self.text(text);
        self.0.extend(["</", name, ">"]);
    }

    /// Text in which what stands between back quotes is code.
    pub(super) fn prose(&mut self, text: &str) {
        for (at, part) in text.split('`').enumerate() {
            if at % 2 == 1 {
                self.element("code", part);
            } else {
                self.text(part);
            }
        }
    }

    /// A link to a place of this page.
    pub(super) fn link(&mut self, place: &str, text: &str) {
        self.raw("<a href=\"#");
        self.text(place);
        self.raw("\">");
        self.text(text);
        self.raw("</a>");
    }

    /// An example.
    pub(super) fn example(&mut self, value: &serde_json::Value) {
        self.raw("<pre tabindex=\"0\">");
        self.text(&format!("{value:#}"));
        self.raw("</pre>");
    }

    /// The whole page.
    pub(super) fn finish(self) -> String {
        self.0
    }
}
