//! Plain text and the HTML in which Outlook keeps it.

/// A plain text as HTML.
pub fn of_text(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.trim().chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '\n' => html.push_str("<br>\n"),
            '\r' => {}
            other => html.push(other),
        }
    }
    html
}

/// The words of an HTML text, without tags and spacing. Exchange wraps a text in its own document and rewrites tags
/// and spaces, so only the words can be compared.
pub fn words(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    // The ampersand comes last: `&amp;lt;` is the text `&lt;`.
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    for (entity, character) in entities {
        text = text.replace(entity, character);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_words_in_outlooks_html() {
        let text = "Ada & Grace <ada@contoso.example>\r\nare away: 1 < 2, &lt;";
        let kept = format!("<html>\r\n<body>\n<div>{}</div>\n</body></html>\n", of_text(text));
        assert_eq!(words(&kept), words(&of_text(text)));
        assert_eq!(words(&kept), "Ada & Grace <ada@contoso.example> are away: 1 < 2, &lt;");
        assert_eq!(words("<p>Ada&nbsp;is&#39;nt</p><p>here</p>"), "Ada is'nt here");
    }

    #[test]
    fn nothing_in_a_text_is_read_as_html() {
        assert_eq!(of_text("<script>x</script>"), "&lt;script&gt;x&lt;/script&gt;");
        assert_eq!(words("an open <tag"), "an open");
        assert_eq!(words(""), "");
    }
}
