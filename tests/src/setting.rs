//! Numbers that the environment sets: how long benchmarks and long tests take.

use std::str::FromStr;

/// The number in an environment variable, and another one if there is none.
#[must_use]
pub fn setting<N: FromStr + Copy>(name: &str, otherwise: N) -> N {
    settings(name, &[otherwise])[0]
}

/// The numbers in an environment variable, with commas between them, and others if there are none.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "how long a test may take is up to who runs it")]
pub fn settings<N: FromStr + Copy>(name: &str, otherwise: &[N]) -> Vec<N> {
    let Ok(text) = std::env::var(name) else { return otherwise.to_vec() };
    let numbers = text.split(',').map(|number| number.trim().parse().ok());
    numbers.collect::<Option<_>>().unwrap_or_else(|| panic!("{name}={text} is no number"))
}
