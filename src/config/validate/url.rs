//! The addresses of collectors, as Go's `net/url` reads them.

use super::go::Quoted;

/// The scheme of an address, in lower case.
///
/// # Errors
/// What `url.Parse` says.
pub(super) fn scheme(address: &str) -> Result<String, String> {
    let (url, fragment) = address.split_once('#').unwrap_or((address, ""));
    let scheme = parse(url).map_err(|problem| format!("parse {}: {problem}", Quoted(url)))?;
    unescaped(fragment, Part::Other).map_err(|problem| format!("parse {}: {problem}", Quoted(address)))?;
    Ok(scheme.to_ascii_lowercase())
}

fn parse(url: &str) -> Result<&str, String> {
    if url.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    let (scheme, rest) = split_scheme(url)?;
    let (rest, _) = rest.split_once('?').unwrap_or((rest, ""));
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            return Ok(scheme);
        }
        if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    let path = match rest.strip_prefix("//") {
        Some(rest) if !scheme.is_empty() || !rest.starts_with('/') => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            check_authority(authority)?;
            path
        }
        _ => rest,
    };
    unescaped(path, Part::Other)?;
    Ok(scheme)
}

/// The scheme, which may be empty, and what comes after its colon.
fn split_scheme(url: &str) -> Result<(&str, &str), String> {
    for (at, byte) in url.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at != 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((url.get(..at).unwrap_or_default(), url.get(at + 1..).unwrap_or_default())),
            _ => break,
        }
    }
    Ok(("", url))
}

fn check_authority(authority: &str) -> Result<(), String> {
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let port = if host.starts_with('[') {
        let end = host.rfind(']').ok_or("missing ']' in host")?;
        host.get(end + 1..).unwrap_or_default()
    } else {
        host.rfind(':').and_then(|colon| host.get(colon..)).unwrap_or_default()
    };
    let digits = port.strip_prefix(':');
    if !port.is_empty() && digits.is_none_or(|digits| !digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(format!("invalid port {} after host", Quoted(port)));
    }
    unescaped(host, Part::Host)?;
    let Some(user) = user else { return Ok(()) };
    let is_allowed =
        |character: char| character.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(character);
    if !user.chars().all(is_allowed) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    unescaped(user, Part::Other)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Other,
}

/// Whether every `%` begins an escape, and a host has no other characters than it may.
fn unescaped(text: &str, part: Part) -> Result<(), String> {
    let is_host = part == Part::Host;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if character == '%' {
            let escape: String = rest.chars().take(3).collect();
            let is_hex = |hex: &&str| hex.len() == 2 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
            let hex = escape.get(1..).filter(is_hex).unwrap_or_default();
            match u8::from_str_radix(hex, 16) {
                Ok(byte) if !is_host || !byte.is_ascii() || hex == "25" => {}
                _ => return Err(format!("invalid URL escape {}", Quoted(&escape))),
            }
            rest = rest.get(3..).unwrap_or_default();
            continue;
        }
        let is_fine = !character.is_ascii()
            || character.is_ascii_alphanumeric()
            || "-_.~!$&'()*+,;=:[]<>\"".contains(character);
        if is_host && !is_fine {
            let mut buffer = [0; 4];
            let character = Quoted(character.encode_utf8(&mut buffer));
            return Err(format!("invalid character {character} in host name"));
        }
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_found() {
        for (address, expected) in [
            ("dns://localhost:4317", "dns"),
            ("dns://127.0.0.1:97943", "dns"),
            ("dns://", "dns"),
            ("UNIX://path", "unix"),
            ("unix-abstract:a//b", "unix-abstract"),
            ("tcp://user:secret@[::1]:80/a%20b?c=%zz#d", "tcp"),
            ("//host", ""),
            ("///path", ""),
            ("http://ho%25st:", "http"),
            ("http://höst", "http"),
        ] {
            assert_eq!(scheme(address).as_deref(), Ok(expected), "{address}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused_in_its_words() {
        for (address, why) in [
            ("://x", r#"parse "://x": missing protocol scheme"#),
            ("1:b//c", r#"parse "1:b//c": first path segment in URL cannot contain colon"#),
            ("dns://a\tb", r#"parse "dns://a\tb": net/url: invalid control character in URL"#),
            ("dns://a:b", r#"parse "dns://a:b": invalid port ":b" after host"#),
            ("dns://[::1", r#"parse "dns://[::1": missing ']' in host"#),
            ("dns://[::1]80", r#"parse "dns://[::1]80": invalid port "80" after host"#),
            ("dns://[::1]x", r#"parse "dns://[::1]x": invalid port "x" after host"#),
            ("dns://a b", r#"parse "dns://a b": invalid character " " in host name"#),
            ("dns://a%20b", r#"parse "dns://a%20b": invalid URL escape "%20""#),
            ("dns://a/%z", r#"parse "dns://a/%z": invalid URL escape "%z""#),
            ("dns://a/%+f", r#"parse "dns://a/%+f": invalid URL escape "%+f""#),
            ("dns://a<b>@c", r#"parse "dns://a<b>@c": net/url: invalid userinfo"#),
            ("dns://a#%zz", r#"parse "dns://a#%zz": invalid URL escape "%zz""#),
        ] {
            assert_eq!(scheme(address), Err(why.to_owned()), "{address}");
        }
    }
}
