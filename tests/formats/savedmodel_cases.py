"""What make_savedmodels.py saves: functions of plain TensorFlow, and Keras layers."""

import numpy as np
import tensorflow as tf


def values(*shape):
    return np.random.default_rng(sum(shape)).normal(0, 1, shape).astype("float32")


CUSTOM = {}  # those that TFLite has no operators for, likewise
FUNCTIONS = {}  # name: function, its inputs, their shapes in the signature


def add(name, function, *inputs, shapes=None, to=None):
    inputs = [np.asarray(x) for x in inputs]
    (FUNCTIONS if to is None else to)[name] = function, inputs, shapes or [x.shape for x in inputs]


def truth(x):
    return tf.cast(x, tf.float32)


MATRIX, IMAGE, STACK = values(3, 4), values(2, 5, 6, 4), values(2, 3, 4)

for name, function in {
        "addn": lambda x: tf.add_n([x, x * 2, x * 3]), "all_any": lambda x: [truth(tf.reduce_all(x > 0, 1)),
                                                                            truth(tf.reduce_any(x > 0, 0))],
        "argmax": lambda x: tf.argmax(x, 1), "argmin32": lambda x: tf.argmin(x, 1, output_type=tf.int32),
        "atan2": lambda x: tf.atan2(x, x + 1), "broadcast": lambda x: tf.broadcast_to(x, [2, 3, 4]),
        "cast": lambda x: tf.cast(x * 5, tf.int32), "ceil": tf.math.ceil, "clip": lambda x: tf.clip_by_value(x, -0.5, 0.5),
        "concat": lambda x: tf.concat([x, x * 2], -1), "cosh": tf.cosh, "cumsum": lambda x: tf.cumsum(x, 1, True, True),
        "div_no_nan": lambda x: tf.math.divide_no_nan(x, tf.floor(x)), "erf": tf.math.erf, "erfc": tf.math.erfc,
        "euclidean": lambda x: tf.raw_ops.EuclideanNorm(input=x, axis=[1], keep_dims=False), "expm1": tf.math.expm1,
        "fake_quant": lambda x: tf.quantization.fake_quant_with_min_max_args(x, -1, 1),
        "fake_quant_vars": lambda x: tf.quantization.fake_quant_with_min_max_vars(x, -1.0, 1.0, num_bits=4),
        "floor_div": lambda x: x // 0.3, "floor_mod": lambda x: x % 0.3, "gather": lambda x: tf.gather(x, [2, 0], axis=1),
        "gather_nd": lambda x: tf.gather_nd(x, [[0, 1], [2, 3]]), "gelu": tf.nn.gelu,
        "gelu_erf": lambda x: x * 0.5 * (1.0 + tf.math.erf(x / np.float32(2 ** 0.5))),
        "gelu_scaled": lambda x: tf.nn.gelu(x * 2), "gelu_tanh": lambda x: tf.nn.gelu(x, approximate=True), "half": lambda x: truth(tf.cast(x, tf.float16)),
        "is_finite": lambda x: truth(tf.math.is_finite(tf.math.log(tf.nn.relu(x)))),
        "is_inf": lambda x: truth(tf.math.is_inf(tf.math.log(tf.nn.relu(x)))),
        "is_nan": lambda x: truth(tf.math.is_nan(tf.math.log(x))), "l2_normalize": lambda x: tf.nn.l2_normalize(x, -1),
        "linspace": lambda x: x * tf.linspace(0.0, 1.0, 4), "log1p": lambda x: tf.math.log1p(tf.abs(x)),
        "logic": lambda x: truth(tf.logical_and(x > 0, tf.logical_not(x > 1))), "logsumexp": lambda x: tf.reduce_logsumexp(x, -1),
        "mirror": lambda x: tf.pad(x, [[1, 1], [2, 1]], "REFLECT"), "moments": lambda x: tf.nn.moments(x, [0])[1],
        "one_hot": lambda x: tf.one_hot(tf.cast(x, tf.int32), 5), "ones_like": lambda x: x + tf.ones_like(x),
        "pad": lambda x: tf.pad(x, [[1, 0], [0, 2]], constant_values=3.0), "pow": lambda x: tf.abs(x) ** 1.5,
        "prod": lambda x: tf.reduce_prod(x, [0, 1]), "range": lambda x: x + tf.range(4, dtype=tf.float32),
        "reciprocal": tf.math.reciprocal, "reverse": lambda x: tf.reverse(x, [1, 0]), "round": tf.round,
        "scatter_nd": lambda x: tf.scatter_nd([[1], [0], [3]], x, [5, 4]), "select": lambda x: tf.where(x > 0, x, -x),
        "selu": tf.nn.selu, "sign": tf.sign, "silu": tf.nn.silu, "sinh": tf.sinh, "slice": lambda x: tf.slice(x, [1, 0], [2, -1]),
        "softplus": tf.nn.softplus, "softsign": tf.nn.softsign, "sort": lambda x: tf.sort(x, -1),
        "split_v": lambda x: tf.split(x, [1, 3], 1), "squared_difference": lambda x: tf.math.squared_difference(x, 1.0),
        "stack": lambda x: tf.stack(tf.unstack(x, axis=1), axis=0), "strided": lambda x: x[1:, ::-1],
        "strided_new": lambda x: x[..., tf.newaxis, 2], "tan": tf.tan, "tile": lambda x: tf.tile(x, [2, 3]),
        "top_k": lambda x: tf.math.top_k(x, 2), "transpose": tf.transpose, "zeros_like": lambda x: x * tf.zeros_like(x) + 1,
        "scan": lambda x: tf.scan(lambda s, r: s * 0.5 + r, x), "map": lambda x: tf.map_fn(lambda r: tf.nn.softmax(r) * 2, x),
        "loop": lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * x + 1), [0, x])[1],
        "branch": lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x - 1),
        "dense": lambda x: tf.matmul(x, tf.constant(values(5, 4)), transpose_b=True)}.items():
    add(name, function, MATRIX)

for name, function in {
        "atrous": lambda x: tf.nn.atrous_conv2d(x, tf.constant(values(3, 3, 4, 2)), 2, "SAME"),
        "conv_explicit": lambda x: tf.nn.conv2d(x, tf.constant(values(3, 3, 4, 2)), 1, [[0, 0], [1, 2], [0, 3], [0, 0]]),
        "conv_groups": lambda x: tf.nn.conv2d(x, tf.constant(values(3, 3, 2, 6)), 1, "SAME"),
        "conv_transpose": lambda x: tf.nn.conv2d_transpose(x, tf.constant(values(3, 3, 2, 4)), [2, 10, 12, 2], 2),
        "depth_to_space": lambda x: tf.nn.depth_to_space(x, 2), "depthwise_dilated": lambda x: tf.nn.depthwise_conv2d(
            x, tf.constant(values(3, 3, 4, 2)), [1, 1, 1, 1], "SAME", dilations=[2, 2]),
        "fused_batch_norm": lambda x: tf.compat.v1.nn.fused_batch_norm(
            x, [1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, 1.0], [0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 1.0, 2.0], is_training=False)[0],
        "lrn": lambda x: tf.nn.lrn(x, 2), "resize": lambda x: tf.image.resize(x, [7, 9]),
        "resize_corners": lambda x: tf.compat.v1.image.resize_bilinear(x, [7, 9], align_corners=True),
        "resize_nearest": lambda x: tf.image.resize(x, [10, 12], method="nearest"),
        "space_to_batch": lambda x: tf.space_to_batch(x, [2, 2], [[1, 0], [0, 0]]),
        "space_to_depth": lambda x: tf.nn.space_to_depth(x[:, :4], 2)}.items():
    add(name, function, IMAGE)

for number, (equation, left, right) in enumerate([
        ("abc,cd->abd", (2, 3, 4), (4, 5)), ("abcd,aecd->acbe", (2, 3, 4, 5), (2, 6, 4, 5)),
        ("acbe,aecd->abcd", (2, 4, 3, 6), (2, 6, 4, 5)), ("bhwc,hkc->bhwk", (2, 3, 4, 5), (3, 6, 5)),
        ("ij,jk->ki", (3, 4), (4, 5)), ("...ij,jk->...ik", (2, 3, 4), (4, 5)), ("abc,cde->abde", (2, 3, 4), (4, 5, 6)),
        ("i,j->ij", (3,), (4,)), ("abc,abc->ab", (2, 3, 4), (2, 3, 4))]):
    add(f"einsum_{number}", lambda a, b, e=equation: tf.einsum(e, a, b), values(*left), values(*right))
    add(f"einsum_constant_{number}", (lambda e, w: lambda a: tf.einsum(e, a, tf.constant(w)))(equation, values(*right)),
        values(*left))
add("reverse_apart", lambda x: tf.reverse(x, [2, 0]), STACK)
add("einsum_transpose", lambda a: tf.einsum("abc->cab", a), STACK)
add("matmul", tf.matmul, MATRIX, values(4, 2))
add("matmul_batch", tf.matmul, STACK, values(2, 4, 5))
add("matmul_adjoint", lambda a, b: tf.matmul(a, b, transpose_a=True), values(2, 4, 3), values(2, 4, 5))
add("stft", lambda x: tf.abs(tf.signal.stft(x, 16, 8)), values(1, 64))
add("stft_padded", lambda x: tf.abs(tf.signal.stft(x, 16, 8, fft_length=32)), values(1, 64))
add("rfft2d", lambda x: tf.abs(tf.signal.rfft2d(x)), values(2, 8, 8))
add("frame", lambda x: tf.signal.frame(x, 5, 3), values(2, 20))
add("integers", lambda x: x * 2 + tf.cast(x > 1, tf.int32), np.arange(6, dtype="int32"))
add("long_indices", lambda i: tf.gather(tf.constant(values(8, 3)), i), np.arange(6, dtype="int64"))
add("bytes", lambda x: tf.cast(x, tf.float32) / 255.0, np.arange(6, dtype="uint8"))
add("open_reshape", lambda x: tf.reshape(x, [tf.shape(x)[0], -1]), IMAGE, shapes=[[None, 5, 6, 4]])
add("open_mean", lambda x: x - tf.reduce_mean(x, [1, 2], keepdims=True), IMAGE, shapes=[[None, None, None, 4]])
add("open_einsum", lambda x: tf.einsum("abc,cd->abd", x, tf.constant(values(4, 5))), STACK, shapes=[[None, None, 4]])
add("open_resize", lambda x: tf.image.resize(x, tf.shape(x)[1:3] * 2), IMAGE, shapes=[[None, 5, 6, 4]])


def boxes():
    low = values(12, 2)
    return np.concatenate([low, low + np.abs(values(12, 2)[::-1]) + 0.2], 1)


RAW = tf.raw_ops
add("boxes", lambda b, s: tf.image.non_max_suppression(b, s, 8, 0.3, 0.2), boxes(), np.abs(values(12)))
add("boxes_padded", lambda b, s: RAW.NonMaxSuppressionV4(
    boxes=b, scores=s, max_output_size=8, iou_threshold=0.3, score_threshold=0.2, pad_to_max_output_size=True), boxes(),
    np.abs(values(12)))
add("boxes_soft", lambda b, s: RAW.NonMaxSuppressionV5(
    boxes=b, scores=s, max_output_size=8, iou_threshold=0.3, score_threshold=0.2, soft_nms_sigma=0.5,
    pad_to_max_output_size=True), boxes(), np.abs(values(12)))
for number in (-1, 0, 1, 2, 7):
    add(f"case_{number}", lambda n, x: tf.switch_case(n, [lambda: x * 2, lambda: x + 1, lambda: -x, lambda: x / 2]),
        np.int32(number), MATRIX)
add("fake_quant_channels", lambda x: tf.matmul(x, tf.quantization.fake_quant_with_min_max_vars_per_channel(
    tf.constant(values(4, 3)), [-1.0, -0.4, -0.1], [1.1, 0.9, 2.0])), MATRIX)
add("spectrogram", lambda x: RAW.AudioSpectrogram(input=x, window_size=20, stride=7), values(90, 2))
add("mfcc", lambda x: RAW.Mfcc(spectrogram=RAW.AudioSpectrogram(input=x, window_size=400, stride=160, magnitude_squared=True),
                               sample_rate=16000, dct_coefficient_count=10), values(1600, 1))
add("inverse", tf.linalg.inv, values(2, 3, 3), to=CUSTOM)
add("patches", lambda x: tf.image.extract_patches(x, [1, 3, 3, 1], [1, 2, 2, 1], [1, 1, 1, 1], "VALID"), IMAGE, to=CUSTOM)
add("argmax", lambda x: RAW.MaxPoolWithArgmax(input=x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID"), IMAGE,
    to=CUSTOM)
add("open", tf.linalg.inv, values(2, 3, 3), shapes=[[None, 3, 3]], to=CUSTOM)


def one(shape, layer):
    """A model of one layer, made from keras.layers."""
    def make(layers, batch=None):
        x = layers.Input(shape, batch)
        return x, layer(layers)(x)
    return make


LAYERS = {}
for padding in ("same", "valid"):
    LAYERS |= {
        f"conv2d_{padding}": one((9, 8, 3), lambda L, p=padding: L.Conv2D(4, 3, strides=2, padding=p, activation="relu")),
        f"conv2d_dilated_{padding}": one((12, 11, 3), lambda L, p=padding: L.Conv2D(4, 3, dilation_rate=2, padding=p)),
        f"depthwise_{padding}": one((9, 8, 3), lambda L, p=padding: L.DepthwiseConv2D(3, padding=p, depth_multiplier=2)),
        f"depthwise_dilated_{padding}": one((12, 12, 3), lambda L, p=padding: L.DepthwiseConv2D(3, dilation_rate=2, padding=p)),
        f"separable_{padding}": one((9, 8, 3), lambda L, p=padding: L.SeparableConv2D(4, 3, padding=p)),
        f"transposed_{padding}": one((5, 6, 3), lambda L, p=padding: L.Conv2DTranspose(4, 3, strides=2, padding=p)),
        f"conv3d_{padding}": one((5, 6, 7, 2), lambda L, p=padding: L.Conv3D(3, 3, padding=p)),
        f"transposed3d_{padding}": one((3, 4, 5, 2), lambda L, p=padding: L.Conv3DTranspose(3, 3, strides=2, padding=p)),
        f"average3d_{padding}": one((5, 6, 7, 2), lambda L, p=padding: L.AveragePooling3D(3, 2, padding=p)),
        f"max3d_{padding}": one((5, 6, 7, 2), lambda L, p=padding: L.MaxPooling3D(3, 2, padding=p)),
        f"max2d_{padding}": one((9, 8, 3), lambda L, p=padding: L.MaxPooling2D(3, 2, padding=p))}
LAYERS |= {
    "conv1d_causal": one((12, 3), lambda L: L.Conv1D(4, 3, padding="causal", dilation_rate=2)),
    "batch_norm": one((6, 5, 3), lambda L: L.BatchNormalization()), "layer_norm": one((6, 8), lambda L: L.LayerNormalization()),
    "group_norm": one((6, 6, 8), lambda L: L.GroupNormalization(4)), "prelu": one((4, 5, 3), lambda L: L.PReLU(shared_axes=[1, 2])),
    "embedding": one((7,), lambda L: L.Embedding(11, 4)), "dense3": one((4, 6), lambda L: L.Dense(5, activation="relu")),
    "upsampling": one((5, 4, 3), lambda L: L.UpSampling2D((2, 3), interpolation="bilinear")),
    "distributed": one((4, 6, 6, 2), lambda L: L.TimeDistributed(L.Conv2D(3, 3))),
    "lstm": one((5, 4), lambda L: L.LSTM(3)), "lstm_sequences": one((5, 4), lambda L: L.LSTM(3, return_sequences=True)),
    "lstm_states": one((5, 4), lambda L: L.LSTM(3, return_state=True)),
    "lstm_backwards": one((5, 4), lambda L: L.LSTM(3, go_backwards=True)),
    "gru": one((5, 4), lambda L: L.GRU(3, return_sequences=True)), "gru_before": one((5, 4), lambda L: L.GRU(3, reset_after=False)),
    "simple_rnn": one((5, 4), lambda L: L.SimpleRNN(3)), "conv_lstm": one((3, 6, 6, 2), lambda L: L.ConvLSTM2D(3, 3)),
    "bidirectional": one((5, 4), lambda L: L.Bidirectional(L.LSTM(3, return_sequences=True)))}
# Layers of Keras 2, which TensorFlow's converter knows when their batch is known.
OLD_LAYERS = {name: LAYERS[name] for name in ("bidirectional", "gru", "gru_before", "lstm", "lstm_backwards", "lstm_sequences",
                                              "simple_rnn")}


def attention(layer):
    def make(layers):
        a, b = layers.Input((6, 8)), layers.Input((5, 8))
        return [a, b], layer(layers, a, b)
    return make


LAYERS |= {
    "multi_head": attention(lambda L, a, b: L.MultiHeadAttention(2, 4)(a, b)),
    "grouped_query": attention(lambda L, a, b: L.GroupQueryAttention(4, 4, 2)(a, b)),
    "attention": attention(lambda L, a, b: L.Attention()([a, b])),
    "additive": attention(lambda L, a, b: L.AdditiveAttention()([a, b])), "dot": attention(lambda L, a, b: L.Dot(2)([a, b]))}
