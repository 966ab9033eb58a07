//! What a value is written as, where that is a contract: the form of an answer, or of a row.
//!
//! A form is a struct of its own with `#[serde(remote = "Value")]`. serde writes and reads the value
//! by it, so that nothing is copied, and the value itself says nothing of how it is written. A field
//! that the value has and the form does not fails to compile.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How values of another type are written. [`forms!`](crate::forms) implements it.
pub trait Form: Sized {
    /// The values.
    type Of;

    /// Writes a value.
    fn write<S: Serializer>(value: &Self::Of, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads a value.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Of, D::Error>;
}

/// Says of structs with `#[serde(remote = "Value")]` that they are forms.
#[macro_export]
macro_rules! forms {
    ($($form:ty => $value:ty),* $(,)?) => {$(
        impl $crate::form::Form for $form {
            type Of = $value;

            fn write<S: serde::Serializer>(
                value: &Self::Of,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                Self::serialize(value, serializer)
            }

            fn read<'de, D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self::Of, D::Error> {
                Self::deserialize(deserializer)
            }
        }
    )*};
}

/// A value that is written in a form.
#[derive(Debug)]
pub struct WrittenAs<'a, F: Form>(pub &'a F::Of);

impl<F: Form> Serialize for WrittenAs<'_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        F::write(self.0, serializer)
    }
}

/// A value that was read in a form.
#[derive(Debug)]
pub struct ReadAs<F: Form>(pub F::Of);

impl<'de, F: Form> Deserialize<'de> for ReadAs<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        F::read(deserializer).map(Self)
    }
}

/// The form of a list of values: `#[serde(with = "Each::<ItemForm>")]`.
#[derive(Debug)]
pub struct Each<F>(PhantomData<F>);

impl<F: Form> Each<F> {
    /// Writes the values, each in its form.
    pub fn serialize<S: Serializer>(values: &[F::Of], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(WrittenAs::<F>))
    }

    /// Reads values, each in its form.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<F::Of>, D::Error> {
        let read = Vec::<ReadAs<F>>::deserialize(deserializer)?;
        Ok(read.into_iter().map(|ReadAs(value)| value).collect())
    }
}

impl<F: Form> Form for Each<F> {
    type Of = Vec<F::Of>;

    fn write<S: Serializer>(values: &Self::Of, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(values, serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Of, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// The form of a value that may be missing, which is null: `#[serde(with = "Maybe::<ItemForm>")]`.
#[derive(Debug)]
pub struct Maybe<F>(PhantomData<F>);

impl<F: Form> Maybe<F> {
    /// Writes the value, or null.
    pub fn serialize<S: Serializer>(
        value: &Option<F::Of>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(WrittenAs::<F>).serialize(serializer)
    }

    /// Reads a value, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<F::Of>, D::Error> {
        let read = Option::<ReadAs<F>>::deserialize(deserializer)?;
        Ok(read.map(|ReadAs(value)| value))
    }
}

/// The form of a value in a box: `#[serde(with = "Boxed::<ItemForm>")]`.
#[derive(Debug)]
pub struct Boxed<F>(PhantomData<F>);

impl<F: Form> Boxed<F> {
    /// Writes the value.
    pub fn serialize<S: Serializer>(value: &F::Of, serializer: S) -> Result<S::Ok, S::Error> {
        F::write(value, serializer)
    }

    /// Reads a value.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<F::Of>, D::Error> {
        F::read(deserializer).map(Box::new)
    }
}

impl<F: Form> Form for Boxed<F> {
    type Of = Box<F::Of>;

    fn write<S: Serializer>(value: &Self::Of, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(value, serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Of, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// Gives a form the schema of what it looks like.
macro_rules! schema_of {
    ($form:ident, $alike:ty) => {
        impl<F: JsonSchema> JsonSchema for $form<F> {
            fn inline_schema() -> bool {
                <$alike>::inline_schema()
            }

            fn schema_name() -> Cow<'static, str> {
                <$alike>::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                <$alike>::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$alike>::json_schema(generator)
            }
        }
    };
}

schema_of!(Each, Vec<F>);
schema_of!(Maybe, Option<F>);
schema_of!(Boxed, Box<F>);
