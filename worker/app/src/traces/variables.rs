//! The `OTEL_*` variables: whether traces are wanted, and what is wrong with a value. The exporter reads them itself and
//! takes no notice of what it cannot read. No value is repeated, because some are secrets.

use std::str::FromStr as _;

use hyper::Uri;

/// What the environment asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// No traces.
    Nothing,
    /// Traces.
    Traces {
        /// Whether it also says how the service is called.
        has_name: bool,
    },
}

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const COMPRESSIONS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"];
const PAIRS: [&str; 3] =
    ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_RESOURCE_ATTRIBUTES"];
const NUMBERS: [&str; 10] = [
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BSP_MAX_CONCURRENT_EXPORTS",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
];
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Reads the variables: what they ask for, and a sentence on each that cannot be used.
///
/// Traces are wanted where a variable names a receiver, or says that traces go by OTLP: a worker must not look for a
/// receiver on its own machine because nobody said that there is none.
pub fn read(variable: impl Fn(&str) -> Option<String>) -> (Wanted, Vec<String>) {
    let set =
        |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let (mut problems, mut is_usable) = (Vec::new(), true);
    let mut look = |name: &str, is_sound: &dyn Fn(&str) -> bool, wants: &str| {
        let is_unsound = set(name).is_some_and(|value| !is_sound(&value));
        if is_unsound {
            problems.push(format!("{name} {wants}"));
        }
        !is_unsound
    };
    for name in ENDPOINTS {
        is_usable &= look(
            name,
            &is_address,
            "must be an address such as http://collector:4318, so no traces are sent",
        );
    }
    for name in PROTOCOLS {
        is_usable &= look(name, &|it| it == "http/protobuf", "must be http/protobuf, so no traces are sent");
    }
    for name in COMPRESSIONS {
        is_usable &=
            look(name, &|it| ["gzip", "none"].contains(&it), "must be gzip or none, so no traces are sent");
    }
    let exporter = "must be otlp or none, so no traces are sent";
    is_usable &= look("OTEL_TRACES_EXPORTER", &|it| ["otlp", "none"].contains(&it), exporter);
    let disabled = |it: &str| it.eq_ignore_ascii_case("true") || it.eq_ignore_ascii_case("false");
    look("OTEL_SDK_DISABLED", &disabled, "must be true or false, and counts as false");
    look("OTEL_TRACES_SAMPLER", &|it| SAMPLERS.contains(&it), "is no known sampler; the default is used");
    let is_share = |it: &str| it.parse::<f64>().is_ok_and(|share| (0.0..=1.0).contains(&share));
    look("OTEL_TRACES_SAMPLER_ARG", &is_share, "must be from 0 to 1; 1 is used");
    for name in NUMBERS {
        look(name, &|it| it.parse::<u32>().is_ok(), "must be a whole number; the default is used");
    }
    let is_pair = |it: &str| it.split_once('=').is_some_and(|(name, _)| !name.trim().is_empty());
    for name in PAIRS {
        let are_pairs = |it: &str| it.split_terminator(',').all(is_pair);
        look(name, &are_pairs, "must be name=value,name=value; what is no such pair is left out");
    }
    let is = |name: &str, value: &str| set(name).is_some_and(|it| it.eq_ignore_ascii_case(value));
    let is_named = ENDPOINTS.iter().any(|name| set(name).is_some()) || is("OTEL_TRACES_EXPORTER", "otlp");
    let is_off = is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none");
    if !is_usable || !is_named || is_off {
        return (Wanted::Nothing, problems);
    }
    let attributes = set("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let mut names = attributes.split(',').filter_map(|pair| Some(pair.split_once('=')?.0.trim()));
    let has_name = set("OTEL_SERVICE_NAME").is_some() || names.any(|name| name == "service.name");
    (Wanted::Traces { has_name }, problems)
}

fn is_address(text: &str) -> bool {
    Uri::from_str(text).is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    fn of(variables: &[(&str, &str)]) -> (Wanted, Vec<String>) {
        read(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn traces_are_wanted_where_a_receiver_is_named_and_not_turned_off() {
        let traces = |has_name| (Wanted::Traces { has_name }, Vec::new());
        assert_eq!(of(&[ENDPOINT]), traces(false));
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://a/v1/traces")]), traces(false));
        assert_eq!(of(&[("OTEL_TRACES_EXPORTER", "otlp")]), traces(false));
        assert_eq!(of(&[ENDPOINT, ("OTEL_SERVICE_NAME", "people")]), traces(true));
        assert_eq!(of(&[ENDPOINT, ("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name=c")]), traces(true));
        let nothing = [
            &[] as &[(&str, &str)],
            &[("OTEL_SERVICE_NAME", "people")],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
            &[ENDPOINT, ("OTEL_SDK_DISABLED", "True")],
            &[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")],
        ];
        for variables in nothing {
            assert_eq!(of(variables), (Wanted::Nothing, Vec::new()), "{variables:?}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named_and_not_repeated() {
        let fatal = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "secret:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://secret"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc-secret"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd-secret"),
            ("OTEL_TRACES_EXPORTER", "secret"),
        ];
        let harmless = [
            ("OTEL_SDK_DISABLED", "secret"),
            ("OTEL_TRACES_SAMPLER", "secret"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=b,=secret"),
        ];
        let all = fatal.iter().map(|it| (it, true)).chain(harmless.iter().map(|it| (it, false)));
        for (variable, is_fatal) in all {
            let (wanted, problems) = of(&[*variable, ENDPOINT]);
            assert_eq!(wanted == Wanted::Nothing, is_fatal, "{variable:?}");
            let [problem] = &problems[..] else { panic!("{variable:?}: {problems:?}") };
            assert!(problem.starts_with(variable.0) && !problem.contains("secret"), "{problem}");
        }
    }
}
