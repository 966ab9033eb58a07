//! What is measured when somebody asks, instead of counted when it happens: sizes, ages, states.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// A name of a label, and its value.
pub type Label = (&'static str, String);

/// A metric as it stands, a sample for each set of labels.
#[derive(Debug)]
pub struct Measured {
    name: &'static str,
    help: &'static str,
    only_grows: bool,
    samples: Vec<(Vec<Label>, f64)>,
}

impl Measured {
    /// Measures one thing. The name is given in full, with its unit.
    pub fn one(name: &'static str, help: &'static str, value: f64) -> Self {
        Self::labelled(name, help, Vec::new(), value)
    }

    /// Measures one thing that has labels.
    pub fn labelled(
        name: &'static str,
        help: &'static str,
        labels: Vec<Label>,
        value: f64,
    ) -> Self {
        Self {
            name,
            help,
            only_grows: false,
            samples: vec![(labels, value)],
        }
    }

    /// Measures the same of several, told apart by one label.
    pub fn each(
        name: &'static str,
        help: &'static str,
        label: &'static str,
        samples: impl IntoIterator<Item = (String, f64)>,
    ) -> Self {
        let samples = samples.into_iter();
        Self {
            name,
            help,
            only_grows: false,
            samples: samples
                .map(|(of, value)| (vec![(label, of)], value))
                .collect(),
        }
    }

    /// Says that the value only grows; `_total` is put behind the name.
    pub fn that_only_grows(self) -> Self {
        Self {
            only_grows: true,
            ..self
        }
    }

    fn value(&self, value: f64, encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        if self.only_grows {
            ConstCounter::new(value).encode(encoder)
        } else {
            ConstGauge::new(value).encode(encoder)
        }
    }
}

/// All that was measured, for the encoder.
#[derive(Debug)]
pub(super) struct AllMeasured(pub(super) Vec<Measured>);

impl Collector for AllMeasured {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for measured in &self.0 {
            let kind = if measured.only_grows {
                MetricType::Counter
            } else {
                MetricType::Gauge
            };
            if measured.samples.is_empty() {
                continue;
            }
            let mut metric = encoder.encode_descriptor(measured.name, measured.help, None, kind)?;
            if let [(labels, value)] = measured.samples.as_slice()
                && labels.is_empty()
            {
                measured.value(*value, metric)?;
                continue;
            }
            for (labels, value) in &measured.samples {
                measured.value(*value, metric.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}
