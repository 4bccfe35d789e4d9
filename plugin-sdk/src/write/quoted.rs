//! Texts in quotes.

/// Adds the text in quotes.
pub fn quote(to: &mut String, text: &str) {
    to.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        let (plain, special) = rest.split_at(at);
        to.push_str(plain);
        // What is found is of one byte, so that another character begins after it.
        escape(to, special.as_bytes()[0]);
        rest = &special[1..];
    }
    to.push_str(rest);
    to.push('"');
}

fn escape(to: &mut String, byte: u8) {
    let letter = match byte {
        b'\n' => 'n',
        b'\r' => 'r',
        b'\t' => 't',
        0x8 => 'b',
        0xc => 'f',
        control @ 0..=0x1f => {
            let digit = |four: u8| char::from(b"0123456789abcdef"[usize::from(four)]);
            to.extend(['\\', 'u', '0', '0', digit(control >> 4), digit(control & 15)]);
            return;
        }
        other => char::from(other),
    };
    to.extend(['\\', letter]);
}
