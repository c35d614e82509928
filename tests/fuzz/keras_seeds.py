"""Seeds of read_keras: a Keras model of one layer each, as JSON with an HDF5 file of its weights."""

import io
import json
import struct

import h5py
import numpy as np

# Class, input shape, options, weights by name.
LAYERS = [
    ("Dense", [None, 3], {"units": 2, "activation": "relu", "use_bias": True}, {"kernel": (3, 2), "bias": (2,)}),
    ("Conv1D", [None, 6, 2], {"filters": 2, "kernel_size": [3], "padding": "causal", "dilation_rate": [2]},
     {"kernel": (3, 2, 2), "bias": (2,)}),
    ("Conv2D", [None, 4, 4, 2], {"filters": 2, "kernel_size": [3, 3], "padding": "same", "strides": [2, 2], "groups": 1},
     {"kernel": (3, 3, 2, 2), "bias": (2,)}),
    ("Conv3D", [None, 3, 3, 3, 1], {"filters": 1, "kernel_size": [2, 2, 2]}, {"kernel": (2, 2, 2, 1, 1), "bias": (1,)}),
    ("DepthwiseConv2D", [None, 4, 4, 2], {"kernel_size": [3, 3], "depth_multiplier": 1},
     {"depthwise_kernel": (3, 3, 2, 1), "bias": (2,)}),
    ("SeparableConv2D", [None, 4, 4, 2], {"filters": 2, "kernel_size": [3, 3]},
     {"depthwise_kernel": (3, 3, 2, 1), "pointwise_kernel": (1, 1, 2, 2), "bias": (2,)}),
    ("Conv2DTranspose", [None, 3, 3, 2], {"filters": 2, "kernel_size": [3, 3], "strides": [2, 2], "output_padding": None},
     {"kernel": (3, 3, 2, 2), "bias": (2,)}),
    ("BatchNormalization", [None, 4, 2], {"axis": [2], "epsilon": 0.001},
     {"gamma": (2,), "beta": (2,), "moving_mean": (2,), "moving_variance": (2,)}),
    ("LayerNormalization", [None, 4, 2], {"axis": [-1]}, {"gamma": (2,), "beta": (2,)}),
    ("GroupNormalization", [None, 4, 4], {"groups": 2}, {"gamma": (4,), "beta": (4,)}),
    ("LSTM", [None, 3, 2], {"units": 2, "activation": "tanh", "recurrent_activation": "sigmoid", "return_sequences": True},
     {"kernel": (2, 8), "recurrent_kernel": (2, 8), "bias": (8,)}),
    ("GRU", [None, 3, 2], {"units": 2, "reset_after": True, "go_backwards": False, "return_state": False},
     {"kernel": (2, 6), "recurrent_kernel": (2, 6), "bias": (2, 6)}),
    ("SimpleRNN", [None, 3, 2], {"units": 2, "unroll": False}, {"kernel": (2, 2), "recurrent_kernel": (2, 2), "bias": (2,)}),
    ("Embedding", [None, 3], {"input_dim": 4, "output_dim": 2, "mask_zero": True}, {"embeddings": (4, 2)}),
    ("Attention", [None, 3, 2], {"use_scale": False, "score_mode": "dot"}, {}),
    ("MaxPooling2D", [None, 4, 4, 2], {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}, {}),
    ("AveragePooling3D", [None, 4, 4, 4, 1], {"pool_size": [2, 2, 2], "padding": "same"}, {}),
    ("GlobalAveragePooling2D", [None, 4, 4, 2], {"keepdims": True, "data_format": "channels_first"}, {}),
    ("Reshape", [None, 4, 3], {"target_shape": [2, -1]}, {}),
    ("Permute", [None, 4, 3], {"dims": [2, 1]}, {}),
    ("ZeroPadding2D", [None, 4, 4, 2], {"padding": [[1, 0], [2, 1]]}, {}),
    ("Cropping2D", [None, 4, 4, 2], {"cropping": [[1, 0], [1, 1]]}, {}),
    ("UpSampling2D", [None, 4, 4, 2], {"size": [2, 3], "interpolation": "bilinear"}, {}),
    ("RepeatVector", [None, 3], {"n": 4}, {}),
    ("Flatten", [None, 2, 3], {}, {}),
    ("Activation", [None, 3], {"activation": "gelu"}, {}),
    ("ReLU", [None, 3], {"max_value": 6.0, "negative_slope": 0.1, "threshold": 0.5}, {}),
    ("PReLU", [None, 4, 2], {"shared_axes": [1]}, {"alpha": (1, 2)}),
    ("Rescaling", [None, 3], {"scale": 0.5, "offset": 1.0}, {}),
    ("Resizing", [None, 4, 4, 1], {"height": 3, "width": 5, "interpolation": "bilinear"}, {}),
]


def layer(name, config, inbound, class_name):
    return {"class_name": class_name, "config": {"name": name, **config}, "name": name, "inbound_nodes": inbound}


def functional(layers, inputs, outputs):
    config = {"name": "m", "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return {"class_name": "Functional", "config": config, "keras_version": "2.13.1"}


def weights_file(groups):
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file.attrs["layer_names"] = np.array([name.encode() for name in groups], "S")
        for name, weights in groups.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = np.array([f"{name}/{w}:0".encode() for w in weights], "S")
            for weight, shape in weights.items():
                group.create_dataset(f"{name}/{weight}:0", data=np.ones(shape, "f4"))
    return out.getvalue()


def write(folder):
    seeds = {}
    for class_name, shape, options, weights in LAYERS:
        inside = [layer("x", {"batch_input_shape": shape, "dtype": "int32" if class_name == "Embedding" else "float32"}, [],
                        "InputLayer"),
                  layer("a", options, [[["x", 0, 0, {}]] * (2 if class_name == "Attention" else 1)], class_name)]
        seeds[class_name] = functional(inside, [["x", 0, 0]], [["a", 0, 0]]), {"a": weights}
        wrapped = layer("w", {"layer": {"class_name": class_name, "config": {"name": "a", **options}}}, [[["x", 0, 0, {}]]],
                        "TimeDistributed" if class_name not in ("LSTM", "GRU", "SimpleRNN") else "Bidirectional")
        seeds[f"wrapped-{class_name}"] = functional([inside[0], wrapped], [["x", 0, 0]], [["w", 0, 0]]), {"w": weights}
    merge = [layer("x", {"batch_input_shape": [None, 4]}, [], "InputLayer")]
    ends = []
    for number, class_name in enumerate(("Add", "Concatenate", "Dot", "Average", "Maximum", "Subtract", "Multiply")):
        options = {"axis": -1} if class_name == "Concatenate" else {"axes": 1} if class_name == "Dot" else {}
        merge.append(layer(f"l{number}", options, [[["x", 0, 0, {}], ["x", 0, 0, {}]]], class_name))
        ends.append([f"l{number}", 0, 0])
    seeds["merge"] = functional(merge, [["x", 0, 0]], ends), {}
    inner = functional([layer("i", {"batch_input_shape": [None, 3]}, [], "InputLayer"),
                        layer("a", {"units": 3}, [[["i", 0, 0, {}]]], "Dense")], [["i", 0, 0]], [["a", 0, 0]])
    nested = {**inner, "name": "n", "inbound_nodes": [[["x", 0, 0, {}]], [["n", 1, 0, {}]]]}
    seeds["nested"] = (functional([layer("x", {"batch_input_shape": [None, 3]}, [], "InputLayer"), nested], [["x", 0, 0]],
                                  [["n", 2, 0]]), {"n": {"kernel": (3, 3), "bias": (3,)}})
    for name, (model, weights) in seeds.items():
        text = json.dumps(model).encode()
        (folder / name).write_bytes(struct.pack("<I", len(text)) + text + weights_file(weights))
