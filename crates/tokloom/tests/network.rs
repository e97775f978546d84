//! Networks of whole numbers: by the words of the format, the same with all instructions; hostile files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod network_support;

use network_support::{Chance, Maker, Saved, by_the_words, networks};
use proptest::prelude::*;
use tokloom::Error;
use tokloom::network::{Input, Network, Output, Scratch, Shape, Tensors, Way};

const INPUT: usize = 8;

fn read(saved: &Saved) -> Network {
    let file = saved.file();
    let tensors = Tensors::read(&file, "file").unwrap();
    Network::read(&saved.description(), &tensors, "net", Shape::symbols(INPUT, 9), &[]).unwrap()
}

fn refused(description: &str, file: &[u8]) -> String {
    let network = Tensors::read(file, "file")
        .and_then(|tensors| Network::read(description, &tensors, "net", Shape::symbols(INPUT, 9), &[]));
    match network {
        Err(Error::Format(message)) => message,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was read"),
    }
}

fn run(network: &Network, inputs: &[u32], scratch: &mut Scratch) -> Vec<i64> {
    match network.run(Input::Symbols(inputs), scratch).unwrap() {
        Output::Symbols(values) => values.iter().map(|value| i64::from(*value)).collect(),
        Output::Sums(values) => values.iter().map(|value| i64::from(*value)).collect(),
        Output::Activations(values) => values.iter().map(|value| i64::from(*value)).collect(),
    }
}

proptest! {
    #[test]
    fn all_ways_give_what_the_words_say(
        saved in networks(),
        inputs in prop::collection::vec(prop::collection::vec(0u32..9, INPUT), 0..12),
    ) {
        let wide = |row: &Vec<u32>| row.iter().map(|symbol| i64::from(*symbol)).collect::<Vec<_>>();
        let expected: Vec<i64> =
            inputs.iter().flat_map(|row| by_the_words(&saved, "net", &wide(row))).collect();
        for way in Way::ALL.into_iter().filter(|way| way.is_available()) {
            let network = read(&saved).with_way(way).unwrap();
            let mut scratch = Scratch::default();
            prop_assert_eq!(&run(&network, &inputs.concat(), &mut scratch), &expected, "{:?}", way);
            // One at a time, with what the calls before left behind.
            let one = |row: &Vec<u32>| run(&network, row, &mut scratch);
            prop_assert_eq!(&inputs.iter().flat_map(one).collect::<Vec<_>>(), &expected, "{:?}", way);
            let bounds = network.bounds();
            if !bounds.is_empty() {
                let fits = |(value, bound): (&i64, &u32)| *value < i64::from(*bound);
                prop_assert!(expected.iter().zip(bounds.iter().cycle()).all(fits));
            }
        }
    }

    #[test]
    fn a_damaged_network_is_refused_or_runs(saved in networks(), seed in any::<u64>(), cuts in 0usize..4) {
        let mut chance = Chance(seed);
        let (mut file, mut description) = (saved.file(), saved.description().into_bytes());
        for _ in 0..=cuts {
            let which = if chance.below(2) == 0 { &mut file } else { &mut description };
            let place = chance.below(which.len() as u64) as usize;
            match chance.below(3) {
                0 => which[place] = chance.below(256) as u8,
                1 => which[place] = b"0123456789-\"[]{},"[chance.below(17) as usize],
                _ => which.truncate(place.max(1)),
            }
        }
        let Ok(description) = String::from_utf8(description) else { return Ok(()) };
        let network = Tensors::read(&file, "file")
            .and_then(|tensors| Network::read(&description, &tensors, "net", Shape::symbols(INPUT, 9), &[]));
        match network {
            Err(error) => prop_assert!(matches!(error, Error::Format(_)), "{:?}", error),
            Ok(network) => {
                let all = run(&network, &[3; 3 * INPUT], &mut Scratch::default());
                prop_assert_eq!(all.len(), 3 * network.output().size());
            }
        }
    }
}

#[test]
fn the_greatest_sums_are_exact() {
    // 127 · 127 twice is what sixteen bits just hold.
    let mut maker = Maker::new("net", 1);
    maker.embed(INPUT, 9, 64);
    maker.linear(64, 3);
    let mut saved = maker.saved;
    let set = |saved: &mut Saved, name: &str, number: i64| {
        saved.tensors.get_mut(name).unwrap().numbers.fill(number);
    };
    set(&mut saved, "net.0.table", 127);
    set(&mut saved, "net.0.multiplier", i64::from(i32::MAX));
    set(&mut saved, "net.0.shift", 1);
    for (weight, bias) in [(127, 1_000_000), (-127, -1_000_000)] {
        set(&mut saved, "net.1.weight", weight);
        set(&mut saved, "net.1.bias", bias);
        for way in Way::ALL.into_iter().filter(|way| way.is_available()) {
            let network = read(&saved).with_way(way).unwrap();
            let sums = run(&network, &[0; INPUT], &mut Scratch::default());
            assert_eq!(sums, [64 * 127 * weight + bias; 3], "{way:?}");
        }
    }
}

#[test]
fn the_first_of_equals_is_the_greatest() {
    let mut maker = Maker::new("net", 1);
    maker.embed(INPUT, 9, 4);
    maker.linear(4, 300);
    maker.layer(serde_json::json!({"op": "argmax", "symbols": 100}));
    let mut saved = maker.saved;
    saved.tensors.get_mut("net.1.weight").unwrap().numbers.fill(0);
    let bias = &mut saved.tensors.get_mut("net.1.bias").unwrap().numbers;
    bias.fill(-5);
    (bias[130], bias[170], bias[299]) = (7, 7, i64::from(i32::MAX));
    for way in Way::ALL.into_iter().filter(|way| way.is_available()) {
        let network = read(&saved).with_way(way).unwrap();
        assert_eq!(run(&network, &[1; INPUT], &mut Scratch::default()), [0, 30, 99]);
    }
}

#[test]
fn what_is_wrong_is_said_with_its_layer() {
    let mut maker = Maker::new("net", 5);
    maker.embed(INPUT, 9, 12);
    maker.dense(12, 8, None);
    maker.linear(8, 4);
    maker.digits(&[3, 3, 3, 3]);
    let whole = maker.saved;
    let file = whole.file();
    type Change = fn(&mut Saved);
    let set = |saved: &mut Saved, name: &str, place: usize, number: i64| {
        saved.tensors.get_mut(name).unwrap().numbers[place] = number;
    };
    let changes: Vec<(&str, Change)> = vec![
        ("layer 0 (embed): it has 7 positions, and rows of 8", |saved| {
            saved.layers[0]["positions"] = 7.into()
        }),
        ("layer 0 (embed): it has 8 symbols, and symbols below 9", |saved| {
            saved.layers[0]["symbols"] = 8.into()
        }),
        ("layer 0 (embed): the network has more than", |saved| {
            saved.layers[0]["symbols"] = (1u64 << 60).into()
        }),
        ("layer 1 (dense): it has 13 inputs, and rows of 12", |saved| saved.layers[1]["inputs"] = 13.into()),
        ("layer 1 (dense): 12 inputs and 0 outputs", |saved| saved.layers[1]["outputs"] = 0.into()),
        ("layer 1 (dense): 12 inputs and 65537 outputs", |saved| saved.layers[1]["outputs"] = 65537.into()),
        ("the tensor net.1.weight is I8 [8, 12], and the layer asks for I8 [9, 12]", |saved| {
            saved.layers[1]["outputs"] = 9.into()
        }),
        ("layer 1 (dense): it takes layer 1, which doesn't come before", |saved| {
            saved.layers[1]["add"] = 1.into()
        }),
        ("layer 1 (dense): it adds layer 0, which gives 1 rows of 12", |saved| {
            saved.layers[1]["add"] = 0.into()
        }),
        ("layer 2 (linear): it takes activations, and the layer before gives sums", |saved| {
            saved.layers[1] = serde_json::json!({"op": "linear", "inputs": 12, "outputs": 8})
        }),
        ("layer 3 (digits): it has 5 levels, and rows of 4", |saved| {
            saved.layers[3]["levels"] = vec![3, 3, 3, 3, 3].into()
        }),
        ("layer 3 (digits): a level is 1", |saved| saved.layers[3]["levels"] = vec![3, 3, 1, 3].into()),
        ("unknown variant `relu`", |saved| saved.layers[1]["op"] = "relu".into()),
        ("unknown field `slope`", |saved| saved.layers[1]["slope"] = 1.into()),
        ("missing field `outputs`", |saved| {
            saved.layers[1].as_object_mut().unwrap().remove("outputs");
        }),
        ("layer 1 (join): 1 rows can't be joined by 2", |saved| {
            saved.layers[1] = serde_json::json!({"op": "join", "count": 2})
        }),
        ("layer 1 (rows): a row of 12 can't be cut into 5", |saved| {
            saved.layers[1] = serde_json::json!({"op": "rows", "count": 5})
        }),
        ("layer 0 (windows): a row of 8 has no whole number of strides of 3", |saved| {
            saved.layers[0] = serde_json::json!({"op": "windows", "size": 2, "stride": 3})
        }),
        ("layer 3 (argmax): a row of 4 sums can't be cut into groups of 3", |saved| {
            saved.layers[3] = serde_json::json!({"op": "argmax", "symbols": 3})
        }),
        ("layer 3 (codes): it takes symbols", |saved| {
            saved.layers[3] = serde_json::json!({"op": "codes", "levels": [3, 3, 3, 3]})
        }),
        ("it has 0 layers", |saved| saved.layers.clear()),
    ];
    for (said, change) in changes {
        let mut saved = whole.clone();
        change(&mut saved);
        let message = refused(&saved.description(), &file);
        assert!(message.starts_with("file: ") && message.contains(said), "{message}\nnot: {said}");
    }
    let numbers = [
        ("net.1.weight", 3, -128, "layer 1 (dense): weight 3 is -128"),
        ("net.0.table", 0, -128, "layer 0 (embed): weight 0 is -128"),
        ("net.1.bias", 5, i64::from(i32::MIN), "layer 1 (dense): the sum of output 5 could overflow"),
        ("net.0.bias", 5, i64::from(i32::MAX), "layer 0 (embed): a sum could overflow"),
        ("net.1.multiplier", 2, -1, "layer 1 (dense): multiplier 2 is -1"),
        ("net.1.shift", 0, 0, "layer 1 (dense): its shift is [0]"),
        ("net.1.shift", 0, 63, "layer 1 (dense): its shift is [63]"),
        ("net.3.thresholds", 0, 1 << 30, "layer 3 (digits): the thresholds of dimension 0"),
    ];
    for (name, place, number, said) in numbers {
        let mut saved = whole.clone();
        set(&mut saved, name, place, number);
        let message = refused(&saved.description(), &saved.file());
        assert!(message.contains(said), "{message}\nnot: {said}");
    }
    let mut saved = whole.clone();
    saved.tensors.remove("net.1.bias");
    let message = refused(&saved.description(), &saved.file());
    assert!(message.contains("the tensor net.1.bias is missing"), "{message}");
    assert!(refused(&"[".repeat(100_000), &file).contains("its layers are not what they should be"));
}

#[test]
fn inputs_that_can_not_be() {
    let mut maker = Maker::new("net", 5);
    maker.embed(INPUT, 9, 12);
    let network = read(&maker.saved);
    let scratch = &mut Scratch::default();
    for inputs in [&[0; INPUT + 1][..], &[9; INPUT]] {
        assert!(matches!(network.run(Input::Symbols(inputs), scratch), Err(Error::Argument(_))));
    }
    assert!(matches!(network.run(Input::Activations(&[0; INPUT]), scratch), Err(Error::Argument(_))));
    assert!(matches!(network.symbols(&[0; INPUT], scratch), Err(Error::Argument(_))));
}

#[test]
fn a_network_from_activations() {
    let mut maker = Maker::new("net", 5);
    maker.dense(6, 12, None);
    maker.linear(12, 3);
    let saved = maker.saved;
    let file = saved.file();
    let tensors = Tensors::read(&file, "file").unwrap();
    let network = Network::read(&saved.description(), &tensors, "net", Shape::activations(6), &[]).unwrap();
    let inputs = [[0, 1, 2, 3, 4, 127], [127; 6]];
    let expected: Vec<i64> =
        inputs.iter().flat_map(|row| by_the_words(&saved, "net", &row.map(i64::from))).collect();
    let scratch = &mut Scratch::default();
    let Output::Sums(found) = network.run(Input::Activations(&inputs.concat()), scratch).unwrap() else {
        panic!("sums")
    };
    assert!(found.iter().map(|sum| i64::from(*sum)).eq(expected));
    assert!(matches!(network.run(Input::Activations(&[128; 6]), scratch), Err(Error::Argument(_))));
}
