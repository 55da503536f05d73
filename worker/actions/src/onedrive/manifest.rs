//! The list of the result for each item, as a file beside the copies.

use bytes::Bytes;

use super::compare::{Comparison, Fate};
use super::notes::Notes;
use super::tree::{Kind, Node, Tree};

/// The file's name in the folder of the copies.
pub const NAME: &str = "Gatehouse migration.csv";

const HEAD: &str = "path,copied to,result,reason,size,copied size,quickXorHash,copied quickXorHash";

/// The list, always the same for the same trees. It begins with a mark by which spreadsheets recognize UTF-8, and has
/// a line for each item of the source in the order of paths, without times.
pub fn manifest(source: &Tree, target: &Tree, found: &Comparison, notes: &Notes) -> Bytes {
    let items = source.all().skip(1);
    let mut lines: Vec<_> = items.map(|(number, node)| (source.path(number), number, node)).collect();
    lines.sort_by(|one, other| one.0.cmp(&other.0));
    let mut text = format!("\u{feff}{HEAD}\r\n");
    for (path, number, node) in lines {
        let twin = found.twin(number);
        let copied_to = twin.map(|twin| target.path(twin)).unwrap_or_default();
        let copy = twin.and_then(|twin| target.get(twin));
        let (size, hash) = content(Some(node));
        let (copied_size, copied_hash) = content(copy);
        let fate = found.fate(number);
        let fields = [
            &path,
            &copied_to,
            fate.as_str(),
            reason(fate, node, notes),
            &size,
            &copied_size,
            hash,
            copied_hash,
        ];
        for (at, field) in fields.into_iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            push_field(&mut text, field);
        }
        text.push_str("\r\n");
    }
    Bytes::from(text)
}

/// Why an item is not in the target as it should be.
fn reason<'a>(fate: Fate, node: &Node, notes: &'a Notes) -> &'a str {
    match (fate, &node.kind) {
        (Fate::Missing, _) => notes.reason(&node.id).unwrap_or("not copied"),
        (Fate::Stale, _) => notes.reason(&node.id).unwrap_or("changed since it was copied"),
        (Fate::Differs, _) => "another item has its name",
        (Fate::Skipped, Kind::Link) => "a link to another person's files",
        (Fate::Skipped, _) => "its path would be too long",
        _ => "",
    }
}

fn content(node: Option<&Node>) -> (String, &str) {
    match node.map(|node| &node.kind) {
        Some(Kind::File(content)) => {
            (content.size.to_string(), content.quick_xor_hash.as_deref().unwrap_or_default())
        }
        _ => (String::new(), ""),
    }
}

/// Quotes a field as RFC 4180 requires.
fn push_field(text: &mut String, field: &str) {
    if field.contains(['"', ',', '\r', '\n']) {
        text.push('"');
        text.push_str(&field.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(field);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::tree_of;
    use super::*;

    #[test]
    fn the_list_has_a_line_for_each_item() {
        let source = tree_of(&[("b, c/d.txt", 5, "h"), ("a\".docx", 2, "i"), ("virus.exe", 1, "v")], 0);
        let target = tree_of(&[("b, c/d.txt", 5, "h"), ("a\".docx", 600, "j")], 1000);
        let found = Comparison::of(&source, &target, 60);
        let notes =
            Notes { refused: vec![("id:virus.exe".into(), "malwareDetected".into())], ..Notes::default() };
        let text = String::from_utf8(manifest(&source, &target, &found, &notes).to_vec()).unwrap();
        let lines: Vec<_> = text.trim_start_matches('\u{feff}').split("\r\n").collect();
        assert_eq!(
            lines,
            [
                HEAD,
                "\"/a\"\".docx\",\"/a\"\".docx\",rewritten by the service,,2,600,i,j",
                "\"/b, c\",\"/b, c\",identical,,,,,",
                "\"/b, c/d.txt\",\"/b, c/d.txt\",identical,,5,5,h,h",
                "/virus.exe,,failed,malwareDetected,1,,v,",
                ""
            ]
        );
    }
}
