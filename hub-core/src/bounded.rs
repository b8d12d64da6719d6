//! Whole numbers with an upper bound, as fields of requests and answers.

/// Defines a type for numbers from 0 to a bound, with the message for a wrong value.
macro_rules! bounded {
    ($(#[doc = $doc:literal])+ $name:ident, $max:literal, $expected:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "u32", into = "u32")]
        pub struct $name(u32);

        impl $name {
            /// The number.
            #[must_use]
            pub fn get(self) -> u32 {
                self.0
            }
        }

        impl TryFrom<u32> for $name {
            type Error = &'static str;
            fn try_from(number: u32) -> Result<Self, Self::Error> {
                (number <= $max).then_some(Self(number)).ok_or(<Self as $crate::fields::Field>::EXPECTED)
            }
        }

        impl From<$name> for u32 {
            fn from(number: $name) -> Self {
                number.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse::<u32>().map_err(|_| <Self as $crate::fields::Field>::EXPECTED)?.try_into()
            }
        }

        $crate::schema::inline_schema!($name, {
            "type": "integer", "minimum": 0, "maximum": $max
        });

        impl $crate::fields::Field for $name {
            const EXPECTED: &'static str = $expected;
        }
    };
}

pub(crate) use bounded;
