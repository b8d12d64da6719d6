//! JSON Schemas of the small types that write themselves as one text, number or set.

/// Implements [`schemars::JsonSchema`] with the members that are given. The schema stands where the type
/// is used and has no name of its own.
macro_rules! inline_schema {
    ($name:ty, {$($members:tt)+}) => {
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({$($members)+})
            }
        }
    };
}

pub(crate) use inline_schema;
