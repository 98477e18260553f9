//! The request half of the AWS Query protocol: form fields with dotted, numbered names.
//!
//! An action *takes* every parameter that it models. [`Params::finish`] refuses the parameters that are left: they are
//! unknown or not modelled. So a typo never passes as "the default was meant". The answers are in `xml.rs`.

use crate::error::{ApiError, ApiResult};

/// Key and value of a tag, in the order given.
pub(crate) type Tags = Vec<(String, String)>;

/// The parameters of one request, `Action` and `Version` excepted.
pub(crate) struct Params {
    fields: Vec<(String, String)>,
}

impl Params {
    pub(crate) fn new(fields: Vec<(String, String)>) -> Self {
        Self { fields }
    }

    /// Removes and returns a parameter.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.fields.iter().position(|(key, _)| key == name)?;
        Some(self.fields.swap_remove(at).1)
    }

    pub(crate) fn require(&mut self, name: &str) -> ApiResult<String> {
        self.take(name).filter(|value| !value.is_empty()).ok_or_else(|| ApiError::missing(name))
    }

    /// A typed parameter, absent when not given.
    pub(crate) fn get<T: Param>(&mut self, name: &str) -> ApiResult<Option<T>> {
        T::take(self, name)
    }

    /// Refuses parameters that the action did not take.
    pub(crate) fn finish(&self, action: &str) -> ApiResult<()> {
        if self.fields.is_empty() {
            return Ok(());
        }
        let mut names: Vec<&str> = self.fields.iter().map(|(key, _)| key.as_str()).collect();
        names.sort_unstable();
        let message = format!("{action} has no parameter {}, or the simulator does not model it.", names.join(", "));
        Err(ApiError::new("InvalidQueryParameter", message))
    }

    fn take_structures(&mut self, prefix: &str, members: [&str; 2]) -> ApiResult<Option<Tags>> {
        let mut found = Vec::new();
        for index in 1.. {
            let first = self.take(&format!("{prefix}.{index}.{}", members[0]));
            let second = self.take(&format!("{prefix}.{index}.{}", members[1]));
            match (first, second) {
                (None, None) => break,
                (None, Some(_)) => return Err(ApiError::missing(&format!("{prefix}.{index}.{}", members[0]))),
                (Some(first), second) => found.push((first, second.unwrap_or_default())),
            }
        }
        Ok(self.list_given(prefix, found))
    }

    /// SDKs write an empty list as an empty value under the list's own name.
    fn list_given<T>(&mut self, prefix: &str, found: Vec<T>) -> Option<Vec<T>> {
        let own_name = prefix.split('.').next().unwrap_or(prefix);
        let written_empty = self.take(own_name).is_some() | self.take(prefix).is_some();
        (written_empty || !found.is_empty()).then_some(found)
    }

    pub(crate) fn tags(&mut self) -> ApiResult<Option<Tags>> {
        self.take_structures("Tags.Tag", ["Key", "Value"])
    }

    /// `Filters.Filter.N.Name` with its values.
    pub(crate) fn filters(&mut self) -> ApiResult<Vec<(String, Vec<String>)>> {
        let mut filters = Vec::new();
        for index in 1.. {
            let Some(name) = self.take(&format!("Filters.Filter.{index}.Name")) else { break };
            let values = Vec::<String>::take(self, &format!("Filters.Filter.{index}.Values.Value"))?;
            let values = values.filter(|values| !values.is_empty());
            filters
                .push((name.clone(), values.ok_or_else(|| ApiError::value(format!("Filter {name} has no values.")))?));
        }
        self.take("Filters");
        Ok(filters)
    }
}

/// A value that can be read from form fields.
pub(crate) trait Param: Sized {
    fn take(params: &mut Params, name: &str) -> ApiResult<Option<Self>>;
}

impl Param for String {
    fn take(params: &mut Params, name: &str) -> ApiResult<Option<Self>> {
        Ok(params.take(name))
    }
}

impl Param for Vec<String> {
    fn take(params: &mut Params, name: &str) -> ApiResult<Option<Self>> {
        let mut found = Vec::new();
        for index in 1.. {
            match params.take(&format!("{name}.{index}")) {
                Some(value) => found.push(value),
                None => break,
            }
        }
        Ok(params.list_given(name, found))
    }
}

macro_rules! parsed_param {
    ($($type:ty),*) => {$(
        impl Param for $type {
            fn take(params: &mut Params, name: &str) -> ApiResult<Option<Self>> {
                let Some(text) = params.take(name) else { return Ok(None) };
                let malformed = || ApiError::new("MalformedInput", format!("{name} cannot be {text:?}."));
                text.parse().map(Some).map_err(|_| malformed())
            }
        }
    )*};
}
parsed_param!(bool, u32, f64, jiff::Timestamp);

impl Param for crate::settings::ProcessorFeatures {
    fn take(params: &mut Params, name: &str) -> ApiResult<Option<Self>> {
        Ok(params.take_structures(name, ["Name", "Value"])?.map(|pairs| pairs.into_iter().collect()))
    }
}

impl Param for crate::settings::ServerlessV2Scaling {
    fn take(params: &mut Params, name: &str) -> ApiResult<Option<Self>> {
        let min_capacity = params.get(&format!("{name}.MinCapacity"))?;
        let max_capacity = params.get(&format!("{name}.MaxCapacity"))?;
        let seconds_until_auto_pause = params.get(&format!("{name}.SecondsUntilAutoPause"))?;
        match (min_capacity, max_capacity) {
            (None, None) if seconds_until_auto_pause.is_none() => Ok(None),
            (Some(min_capacity), Some(max_capacity)) => {
                Ok(Some(Self { min_capacity, max_capacity, seconds_until_auto_pause }))
            }
            _ => Err(ApiError::combination(format!("{name} needs both MinCapacity and MaxCapacity."))),
        }
    }
}

impl Param for Vec<crate::settings::StorageVolume> {
    fn take(params: &mut Params, name: &str) -> ApiResult<Option<Self>> {
        let mut found = Vec::new();
        for index in 1.. {
            let prefix = format!("{name}.member.{index}");
            let Some(volume) = params.take(&format!("{prefix}.VolumeName")) else { break };
            found.push(crate::settings::StorageVolume {
                name: volume,
                allocated_storage: params.get(&format!("{prefix}.AllocatedStorage"))?,
                storage_type: params.take(&format!("{prefix}.StorageType")),
                iops: params.get(&format!("{prefix}.IOPS"))?,
                storage_throughput: params.get(&format!("{prefix}.StorageThroughput"))?,
            });
        }
        Ok(params.list_given(name, found))
    }
}
