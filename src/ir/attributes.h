// The operators and their attributes: one plain struct of attributes per family. Each has
// VisitFields, which names its fields in order, so that printing, comparison and JSON need no
// per-operator code.
#ifndef EDGEML_IR_ATTRIBUTES_H_
#define EDGEML_IR_ATTRIBUTES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "edgeml/dtype.h"

namespace edgeml::ir {

// Every operator the graph knows, in alphabetical order. The printed name is TFLite's where TFLite
// has the operator.
#define EDGEML_FOR_EACH_OP(OP)                                   \
  OP(Abs, "ABS")                                                 \
  OP(Add, "ADD")                                                 \
  OP(AddN, "ADD_N")                                              \
  OP(ArgMax, "ARG_MAX")                                          \
  OP(ArgMin, "ARG_MIN")                                          \
  OP(AssignVariable, "ASSIGN_VARIABLE")                          \
  OP(Atan2, "ATAN2")                                             \
  OP(AveragePool2D, "AVERAGE_POOL_2D")                           \
  OP(BatchMatMul, "BATCH_MATMUL")                                \
  OP(BatchToSpaceNd, "BATCH_TO_SPACE_ND")                        \
  OP(BidirectionalSequenceLstm, "BIDIRECTIONAL_SEQUENCE_LSTM")   \
  OP(BidirectionalSequenceRnn, "BIDIRECTIONAL_SEQUENCE_RNN")     \
  OP(Bitcast, "BITCAST")                                         \
  OP(BitwiseXor, "BITWISE_XOR")                                  \
  OP(BroadcastArgs, "BROADCAST_ARGS")                            \
  OP(BroadcastTo, "BROADCAST_TO")                                \
  OP(Bucketize, "BUCKETIZE")                                     \
  OP(CallOnce, "CALL_ONCE")                                      \
  OP(Cast, "CAST")                                               \
  OP(Ceil, "CEIL")                                               \
  OP(ComplexAbs, "COMPLEX_ABS")                                  \
  OP(Concatenation, "CONCATENATION")                             \
  OP(Conv2D, "CONV_2D")                                          \
  OP(Conv3D, "CONV_3D")                                          \
  OP(Conv3DTranspose, "CONV_3D_TRANSPOSE")                       \
  OP(Cos, "COS")                                                 \
  OP(Cumsum, "CUMSUM")                                           \
  OP(Custom, "CUSTOM")                                           \
  OP(Densify, "DENSIFY")                                         \
  OP(DepthToSpace, "DEPTH_TO_SPACE")                             \
  OP(DepthwiseConv2D, "DEPTHWISE_CONV_2D")                       \
  OP(Dequantize, "DEQUANTIZE")                                   \
  OP(DetectionPostProcess, "TFLite_Detection_PostProcess")       \
  OP(Dilate, "DILATE")                                           \
  OP(Div, "DIV")                                                 \
  OP(DynamicUpdateSlice, "DYNAMIC_UPDATE_SLICE")                 \
  OP(Elu, "ELU")                                                 \
  OP(EmbeddingLookup, "EMBEDDING_LOOKUP")                        \
  OP(EmbeddingLookupSparse, "EMBEDDING_LOOKUP_SPARSE")           \
  OP(Equal, "EQUAL")                                             \
  OP(Exp, "EXP")                                                 \
  OP(ExpandDims, "EXPAND_DIMS")                                  \
  OP(FakeQuant, "FAKE_QUANT")                                    \
  OP(Fill, "FILL")                                               \
  OP(Floor, "FLOOR")                                             \
  OP(FloorDiv, "FLOOR_DIV")                                      \
  OP(FloorMod, "FLOOR_MOD")                                      \
  OP(FullyConnected, "FULLY_CONNECTED")                          \
  OP(Gather, "GATHER")                                           \
  OP(GatherNd, "GATHER_ND")                                      \
  OP(Gelu, "GELU")                                               \
  OP(Greater, "GREATER")                                         \
  OP(GreaterEqual, "GREATER_EQUAL")                              \
  OP(HardSwish, "HARD_SWISH")                                    \
  OP(Hashtable, "HASHTABLE")                                     \
  OP(HashtableFind, "HASHTABLE_FIND")                            \
  OP(HashtableImport, "HASHTABLE_IMPORT")                        \
  OP(HashtableLookup, "HASHTABLE_LOOKUP")                        \
  OP(HashtableSize, "HASHTABLE_SIZE")                            \
  OP(If, "IF")                                                   \
  OP(Imag, "IMAG")                                               \
  OP(L2Normalization, "L2_NORMALIZATION")                        \
  OP(L2Pool2D, "L2_POOL_2D")                                     \
  OP(LeakyRelu, "LEAKY_RELU")                                    \
  OP(Less, "LESS")                                               \
  OP(LessEqual, "LESS_EQUAL")                                    \
  OP(LocalResponseNormalization, "LOCAL_RESPONSE_NORMALIZATION") \
  OP(Log, "LOG")                                                 \
  OP(LogicalAnd, "LOGICAL_AND")                                  \
  OP(LogicalNot, "LOGICAL_NOT")                                  \
  OP(LogicalOr, "LOGICAL_OR")                                    \
  OP(Logistic, "LOGISTIC")                                       \
  OP(LogSoftmax, "LOG_SOFTMAX")                                  \
  OP(LshProjection, "LSH_PROJECTION")                            \
  OP(Lstm, "LSTM")                                               \
  OP(MatrixDiag, "MATRIX_DIAG")                                  \
  OP(MatrixSetDiag, "MATRIX_SET_DIAG")                           \
  OP(Maximum, "MAXIMUM")                                         \
  OP(MaxPool2D, "MAX_POOL_2D")                                   \
  OP(Mean, "MEAN")                                               \
  OP(Minimum, "MINIMUM")                                         \
  OP(MirrorPad, "MIRROR_PAD")                                    \
  OP(Mul, "MUL")                                                 \
  OP(Multinomial, "MULTINOMIAL")                                 \
  OP(Neg, "NEG")                                                 \
  OP(NonMaxSuppressionV4, "NON_MAX_SUPPRESSION_V4")              \
  OP(NonMaxSuppressionV5, "NON_MAX_SUPPRESSION_V5")              \
  OP(NotEqual, "NOT_EQUAL")                                      \
  OP(OneHot, "ONE_HOT")                                          \
  OP(Pack, "PACK")                                               \
  OP(Pad, "PAD")                                                 \
  OP(PadV2, "PADV2")                                             \
  OP(Pow, "POW")                                                 \
  OP(Prelu, "PRELU")                                             \
  OP(Quantize, "QUANTIZE")                                       \
  OP(RandomStandardNormal, "RANDOM_STANDARD_NORMAL")             \
  OP(RandomUniform, "RANDOM_UNIFORM")                            \
  OP(Range, "RANGE")                                             \
  OP(Rank, "RANK")                                               \
  OP(ReadVariable, "READ_VARIABLE")                              \
  OP(Real, "REAL")                                               \
  OP(ReduceAll, "REDUCE_ALL")                                    \
  OP(ReduceAny, "REDUCE_ANY")                                    \
  OP(ReduceMax, "REDUCE_MAX")                                    \
  OP(ReduceMin, "REDUCE_MIN")                                    \
  OP(ReduceProd, "REDUCE_PROD")                                  \
  OP(ReduceWindow, "REDUCE_WINDOW")                              \
  OP(Relu, "RELU")                                               \
  OP(Relu0To1, "RELU_0_TO_1")                                    \
  OP(Relu6, "RELU6")                                             \
  OP(ReluN1To1, "RELU_N1_TO_1")                                  \
  OP(Reshape, "RESHAPE")                                         \
  OP(ResizeBilinear, "RESIZE_BILINEAR")                          \
  OP(ResizeNearestNeighbor, "RESIZE_NEAREST_NEIGHBOR")           \
  OP(ReverseSequence, "REVERSE_SEQUENCE")                        \
  OP(ReverseV2, "REVERSE_V2")                                    \
  OP(Rfft2d, "RFFT2D")                                           \
  OP(RightShift, "RIGHT_SHIFT")                                  \
  OP(Rnn, "RNN")                                                 \
  OP(Round, "ROUND")                                             \
  OP(Rsqrt, "RSQRT")                                             \
  OP(ScatterNd, "SCATTER_ND")                                    \
  OP(SegmentSum, "SEGMENT_SUM")                                  \
  OP(Select, "SELECT")                                           \
  OP(SelectV2, "SELECT_V2")                                      \
  OP(Shape, "SHAPE")                                             \
  OP(Sign, "SIGN")                                               \
  OP(Sin, "SIN")                                                 \
  OP(SkipGram, "SKIP_GRAM")                                      \
  OP(Slice, "SLICE")                                             \
  OP(Softmax, "SOFTMAX")                                         \
  OP(SpaceToBatchNd, "SPACE_TO_BATCH_ND")                        \
  OP(SpaceToDepth, "SPACE_TO_DEPTH")                             \
  OP(SparseToDense, "SPARSE_TO_DENSE")                           \
  OP(Split, "SPLIT")                                             \
  OP(SplitV, "SPLIT_V")                                          \
  OP(Sqrt, "SQRT")                                               \
  OP(Square, "SQUARE")                                           \
  OP(SquaredDifference, "SQUARED_DIFFERENCE")                    \
  OP(Squeeze, "SQUEEZE")                                         \
  OP(StablehloAdd, "STABLEHLO_ADD")                              \
  OP(StablehloAnd, "STABLEHLO_AND")                              \
  OP(StablehloCase, "STABLEHLO_CASE")                            \
  OP(StablehloComposite, "STABLEHLO_COMPOSITE")                  \
  OP(StablehloGather, "STABLEHLO_GATHER")                        \
  OP(StablehloMaximum, "STABLEHLO_MAXIMUM")                      \
  OP(StablehloMinimum, "STABLEHLO_MINIMUM")                      \
  OP(StablehloMultiply, "STABLEHLO_MULTIPLY")                    \
  OP(StablehloPad, "STABLEHLO_PAD")                              \
  OP(StablehloReduceWindow, "STABLEHLO_REDUCE_WINDOW")           \
  OP(StablehloRngBitGenerator, "STABLEHLO_RNG_BIT_GENERATOR")    \
  OP(StablehloScatter, "STABLEHLO_SCATTER")                      \
  OP(StablehloShiftLeft, "STABLEHLO_SHIFT_LEFT")                 \
  OP(StridedSlice, "STRIDED_SLICE")                              \
  OP(Sub, "SUB")                                                 \
  OP(Sum, "SUM")                                                 \
  OP(Svdf, "SVDF")                                               \
  OP(Tanh, "TANH")                                               \
  OP(Tile, "TILE")                                               \
  OP(TopKV2, "TOPK_V2")                                          \
  OP(Transpose, "TRANSPOSE")                                     \
  OP(TransposeConv, "TRANSPOSE_CONV")                            \
  OP(UnidirectionalSequenceLstm, "UNIDIRECTIONAL_SEQUENCE_LSTM") \
  OP(UnidirectionalSequenceRnn, "UNIDIRECTIONAL_SEQUENCE_RNN")   \
  OP(Unique, "UNIQUE")                                           \
  OP(Unpack, "UNPACK")                                           \
  OP(UnsortedSegmentMax, "UNSORTED_SEGMENT_MAX")                 \
  OP(UnsortedSegmentMin, "UNSORTED_SEGMENT_MIN")                 \
  OP(UnsortedSegmentProd, "UNSORTED_SEGMENT_PROD")               \
  OP(UnsortedSegmentSum, "UNSORTED_SEGMENT_SUM")                 \
  OP(VarHandle, "VAR_HANDLE")                                    \
  OP(Where, "WHERE")                                             \
  OP(While, "WHILE")                                             \
  OP(ZerosLike, "ZEROS_LIKE")

enum class Activation : uint8_t { kNone, kRelu, kReluN1To1, kRelu6, kTanh, kSignBit };
enum class Padding : uint8_t { kSame, kValid, kExplicit };
enum class MirrorMode : uint8_t { kReflect, kSymmetric };
// The numbers of these are TFLite's.
enum class Combiner : uint8_t { kSum, kMean, kSqrtN };
enum class LshProjection : uint8_t { kUnknown, kSparse, kDense };
enum class RngAlgorithm : uint8_t { kDefault, kPhilox, kThreefry };
enum class WindowFunction : uint8_t { kUnsupported, kAdd, kMul, kMinimum, kMaximum, kAll, kAny };

// Spatial geometry of a convolution or a pool. The four pads count only when padding is kExplicit.
struct Window {
  Padding padding = Padding::kSame;
  int32_t stride_h = 1, stride_w = 1;
  int32_t dilation_h = 1, dilation_w = 1;
  int32_t pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;
  friend bool operator==(const Window&, const Window&) = default;
};

#define EDGEML_FIELDS(Type, ...)                              \
  friend bool operator==(const Type&, const Type&) = default; \
  template <typename Self, typename Visitor>                  \
  static void VisitFields(Self& self, Visitor&& visit) {      \
    __VA_ARGS__                                               \
  }
#define EDGEML_FIELD(name) visit(#name, self.name);

struct ConvAttrs {  // CONV_2D, TRANSPOSE_CONV
  Window window;
  Activation activation = Activation::kNone;
  DType quantized_bias_type = DType::kFloat32;  // as the format states it; informative
  EDGEML_FIELDS(ConvAttrs,
                EDGEML_FIELD(window) EDGEML_FIELD(activation) EDGEML_FIELD(quantized_bias_type))
};
struct DepthwiseConvAttrs {
  Window window;
  int32_t depth_multiplier = 1;
  Activation activation = Activation::kNone;
  EDGEML_FIELDS(DepthwiseConvAttrs,
                EDGEML_FIELD(window) EDGEML_FIELD(depth_multiplier) EDGEML_FIELD(activation))
};
struct PoolAttrs {
  Window window;
  int32_t filter_h = 1, filter_w = 1;
  Activation activation = Activation::kNone;
  EDGEML_FIELDS(PoolAttrs, EDGEML_FIELD(window) EDGEML_FIELD(filter_h) EDGEML_FIELD(filter_w)
                               EDGEML_FIELD(activation))
};
struct FullyConnectedAttrs {
  Activation activation = Activation::kNone;
  bool shuffled_4x16_weights = false;
  bool keep_num_dims = false;
  bool asymmetric_quantize_inputs = false;
  DType quantized_bias_type = DType::kFloat32;
  EDGEML_FIELDS(FullyConnectedAttrs,
                EDGEML_FIELD(activation) EDGEML_FIELD(shuffled_4x16_weights)
                    EDGEML_FIELD(keep_num_dims) EDGEML_FIELD(asymmetric_quantize_inputs)
                        EDGEML_FIELD(quantized_bias_type))
};
struct BatchMatMulAttrs {
  bool adj_x = false, adj_y = false;
  bool asymmetric_quantize_inputs = false;
  EDGEML_FIELDS(BatchMatMulAttrs,
                EDGEML_FIELD(adj_x) EDGEML_FIELD(adj_y) EDGEML_FIELD(asymmetric_quantize_inputs))
};
struct BinaryAttrs {  // ADD, SUB, MUL, DIV
  Activation activation = Activation::kNone;
  bool pot_scale_int16 = true;
  EDGEML_FIELDS(BinaryAttrs, EDGEML_FIELD(activation) EDGEML_FIELD(pot_scale_int16))
};
struct ActivationAttrs {  // L2_NORMALIZATION: only a fused activation
  Activation activation = Activation::kNone;
  EDGEML_FIELDS(ActivationAttrs, EDGEML_FIELD(activation))
};
struct SoftmaxAttrs {
  float beta = 1.0f;
  EDGEML_FIELDS(SoftmaxAttrs, EDGEML_FIELD(beta))
};
struct LeakyReluAttrs {
  float alpha = 0.0f;
  EDGEML_FIELDS(LeakyReluAttrs, EDGEML_FIELD(alpha))
};
struct GeluAttrs {
  bool approximate = false;
  EDGEML_FIELDS(GeluAttrs, EDGEML_FIELD(approximate))
};
struct ConcatAttrs {
  int32_t axis = 0;
  Activation activation = Activation::kNone;
  EDGEML_FIELDS(ConcatAttrs, EDGEML_FIELD(axis) EDGEML_FIELD(activation))
};
struct ReshapeAttrs {
  bool has_new_shape = false;  // else the second input holds it
  std::vector<int32_t> new_shape;
  EDGEML_FIELDS(ReshapeAttrs, EDGEML_FIELD(has_new_shape) EDGEML_FIELD(new_shape))
};
struct AxisAttrs {  // PACK, UNPACK, ONE_HOT
  int32_t axis = 0;
  int32_t count = 0;  // number of packed or unpacked tensors; 0 for ONE_HOT
  EDGEML_FIELDS(AxisAttrs, EDGEML_FIELD(axis) EDGEML_FIELD(count))
};
struct GatherAttrs {
  int32_t axis = 0;
  int32_t batch_dims = 0;
  EDGEML_FIELDS(GatherAttrs, EDGEML_FIELD(axis) EDGEML_FIELD(batch_dims))
};
struct SplitAttrs {  // SPLIT, SPLIT_V
  int32_t num_splits = 0;
  EDGEML_FIELDS(SplitAttrs, EDGEML_FIELD(num_splits))
};
struct SqueezeAttrs {
  std::vector<int32_t> squeeze_dims;  // empty = every dimension of size 1
  EDGEML_FIELDS(SqueezeAttrs, EDGEML_FIELD(squeeze_dims))
};
struct StridedSliceAttrs {
  int32_t begin_mask = 0, end_mask = 0, ellipsis_mask = 0, new_axis_mask = 0, shrink_axis_mask = 0;
  bool offset = false;
  EDGEML_FIELDS(StridedSliceAttrs,
                EDGEML_FIELD(begin_mask) EDGEML_FIELD(end_mask) EDGEML_FIELD(ellipsis_mask)
                    EDGEML_FIELD(new_axis_mask) EDGEML_FIELD(shrink_axis_mask) EDGEML_FIELD(offset))
};
struct ReduceAttrs {
  bool keep_dims = false;
  EDGEML_FIELDS(ReduceAttrs, EDGEML_FIELD(keep_dims))
};
struct CumsumAttrs {
  bool exclusive = false, reverse = false;
  EDGEML_FIELDS(CumsumAttrs, EDGEML_FIELD(exclusive) EDGEML_FIELD(reverse))
};
struct TypeAttrs {  // CAST (in_type informative), ARG_MAX/ARG_MIN and SHAPE (out_type)
  DType in_type = DType::kInvalid;
  DType out_type = DType::kInvalid;
  EDGEML_FIELDS(TypeAttrs, EDGEML_FIELD(in_type) EDGEML_FIELD(out_type))
};
struct ResizeAttrs {
  bool align_corners = false, half_pixel_centers = false;
  EDGEML_FIELDS(ResizeAttrs, EDGEML_FIELD(align_corners) EDGEML_FIELD(half_pixel_centers))
};
struct BlockAttrs {  // SPACE_TO_DEPTH, DEPTH_TO_SPACE
  int32_t block_size = 1;
  EDGEML_FIELDS(BlockAttrs, EDGEML_FIELD(block_size))
};
struct MirrorPadAttrs {
  MirrorMode mode = MirrorMode::kReflect;
  EDGEML_FIELDS(MirrorPadAttrs, EDGEML_FIELD(mode))
};
struct LstmAttrs {  // LSTM, UNIDIRECTIONAL_SEQUENCE_LSTM
  Activation activation = Activation::kTanh;
  float cell_clip = 0.0f, proj_clip = 0.0f;  // 0 = no clipping
  bool time_major = false;
  bool asymmetric_quantize_inputs = false;
  bool diagonal_recurrent_tensors = false;
  bool basic_kernel = false;  // LSTM's 5-input "basic" form
  EDGEML_FIELDS(LstmAttrs,
                EDGEML_FIELD(activation) EDGEML_FIELD(cell_clip) EDGEML_FIELD(proj_clip)
                    EDGEML_FIELD(time_major) EDGEML_FIELD(asymmetric_quantize_inputs)
                        EDGEML_FIELD(diagonal_recurrent_tensors) EDGEML_FIELD(basic_kernel))
};
struct RnnAttrs {  // RNN, UNIDIRECTIONAL_SEQUENCE_RNN
  Activation activation = Activation::kTanh;
  bool time_major = false;
  bool asymmetric_quantize_inputs = false;
  EDGEML_FIELDS(RnnAttrs, EDGEML_FIELD(activation) EDGEML_FIELD(time_major)
                              EDGEML_FIELD(asymmetric_quantize_inputs))
};
struct SvdfAttrs {
  int32_t rank = 1;
  Activation activation = Activation::kNone;
  bool asymmetric_quantize_inputs = false;
  EDGEML_FIELDS(SvdfAttrs, EDGEML_FIELD(rank) EDGEML_FIELD(activation)
                               EDGEML_FIELD(asymmetric_quantize_inputs))
};
struct WhileAttrs {
  int32_t cond_subgraph = 0, body_subgraph = 0;
  EDGEML_FIELDS(WhileAttrs, EDGEML_FIELD(cond_subgraph) EDGEML_FIELD(body_subgraph))
};
struct IfAttrs {
  int32_t then_subgraph = 0, else_subgraph = 0;
  EDGEML_FIELDS(IfAttrs, EDGEML_FIELD(then_subgraph) EDGEML_FIELD(else_subgraph))
};
struct CallOnceAttrs {
  int32_t init_subgraph = 0;
  EDGEML_FIELDS(CallOnceAttrs, EDGEML_FIELD(init_subgraph))
};
struct VarHandleAttrs {
  std::string container, shared_name;
  EDGEML_FIELDS(VarHandleAttrs, EDGEML_FIELD(container) EDGEML_FIELD(shared_name))
};
struct Conv3DAttrs {  // CONV_3D, CONV_3D_TRANSPOSE: depth beside the window of height and width
  Window window;
  int32_t stride_d = 1, dilation_d = 1;
  Activation activation = Activation::kNone;
  EDGEML_FIELDS(Conv3DAttrs, EDGEML_FIELD(window) EDGEML_FIELD(stride_d) EDGEML_FIELD(dilation_d)
                                 EDGEML_FIELD(activation))
};
struct LocalResponseNormAttrs {
  int32_t radius = 0;
  float bias = 0.0f, alpha = 0.0f, beta = 0.0f;
  EDGEML_FIELDS(LocalResponseNormAttrs,
                EDGEML_FIELD(radius) EDGEML_FIELD(bias) EDGEML_FIELD(alpha) EDGEML_FIELD(beta))
};
struct FakeQuantAttrs {
  float min = 0.0f, max = 0.0f;
  int32_t num_bits = 0;
  bool narrow_range = false;
  EDGEML_FIELDS(FakeQuantAttrs, EDGEML_FIELD(min) EDGEML_FIELD(max) EDGEML_FIELD(num_bits)
                                    EDGEML_FIELD(narrow_range))
};
struct BucketizeAttrs {
  std::vector<float> boundaries;
  EDGEML_FIELDS(BucketizeAttrs, EDGEML_FIELD(boundaries))
};
struct RandomAttrs {  // MULTINOMIAL, RANDOM_STANDARD_NORMAL, RANDOM_UNIFORM
  int64_t seed = 0, seed2 = 0;
  EDGEML_FIELDS(RandomAttrs, EDGEML_FIELD(seed) EDGEML_FIELD(seed2))
};
struct RngBitGeneratorAttrs {
  RngAlgorithm algorithm = RngAlgorithm::kDefault;
  EDGEML_FIELDS(RngBitGeneratorAttrs, EDGEML_FIELD(algorithm))
};
struct BidirectionalLstmAttrs {
  Activation activation = Activation::kTanh;
  float cell_clip = 0.0f, proj_clip = 0.0f;  // 0 = no clipping
  bool merge_outputs = false;
  bool time_major = true;
  bool asymmetric_quantize_inputs = false;
  EDGEML_FIELDS(BidirectionalLstmAttrs,
                EDGEML_FIELD(activation) EDGEML_FIELD(cell_clip) EDGEML_FIELD(proj_clip)
                    EDGEML_FIELD(merge_outputs) EDGEML_FIELD(time_major)
                        EDGEML_FIELD(asymmetric_quantize_inputs))
};
struct BidirectionalRnnAttrs {
  Activation activation = Activation::kTanh;
  bool time_major = false;
  bool merge_outputs = false;
  bool asymmetric_quantize_inputs = false;
  EDGEML_FIELDS(BidirectionalRnnAttrs,
                EDGEML_FIELD(activation) EDGEML_FIELD(time_major) EDGEML_FIELD(merge_outputs)
                    EDGEML_FIELD(asymmetric_quantize_inputs))
};
struct HashtableAttrs {
  int32_t table_id = 0;
  DType key_type = DType::kInt64, value_type = DType::kString;
  EDGEML_FIELDS(HashtableAttrs,
                EDGEML_FIELD(table_id) EDGEML_FIELD(key_type) EDGEML_FIELD(value_type))
};
struct CombinerAttrs {  // EMBEDDING_LOOKUP_SPARSE
  Combiner combiner = Combiner::kSum;
  EDGEML_FIELDS(CombinerAttrs, EDGEML_FIELD(combiner))
};
struct LshProjectionAttrs {
  LshProjection type = LshProjection::kUnknown;
  EDGEML_FIELDS(LshProjectionAttrs, EDGEML_FIELD(type))
};
struct SkipGramAttrs {
  int32_t ngram_size = 0, max_skip_size = 0;
  bool include_all_ngrams = false;
  EDGEML_FIELDS(SkipGramAttrs, EDGEML_FIELD(ngram_size) EDGEML_FIELD(max_skip_size)
                                   EDGEML_FIELD(include_all_ngrams))
};
struct ReverseSequenceAttrs {
  int32_t seq_dim = 0, batch_dim = 0;
  EDGEML_FIELDS(ReverseSequenceAttrs, EDGEML_FIELD(seq_dim) EDGEML_FIELD(batch_dim))
};
struct SparseToDenseAttrs {
  bool validate_indices = false;
  EDGEML_FIELDS(SparseToDenseAttrs, EDGEML_FIELD(validate_indices))
};
struct ReduceWindowAttrs {
  WindowFunction function = WindowFunction::kUnsupported;
  EDGEML_FIELDS(ReduceWindowAttrs, EDGEML_FIELD(function))
};
struct CaseAttrs {  // STABLEHLO_CASE
  std::vector<int32_t> branch_subgraphs;
  EDGEML_FIELDS(CaseAttrs, EDGEML_FIELD(branch_subgraphs))
};
struct CompositeAttrs {  // STABLEHLO_COMPOSITE
  std::string name;
  int32_t decomposition_subgraph = 0;
  int32_t version = 0;
  std::vector<uint8_t> encoded;  // its own attributes, as the format holds them
  EDGEML_FIELDS(CompositeAttrs, EDGEML_FIELD(name) EDGEML_FIELD(decomposition_subgraph)
                                    EDGEML_FIELD(version) EDGEML_FIELD(encoded))
};
struct StablehloGatherAttrs {
  std::vector<int64_t> offset_dims, collapsed_slice_dims, start_index_map;
  int64_t index_vector_dim = 0;
  std::vector<int64_t> slice_sizes;
  bool indices_are_sorted = false;
  EDGEML_FIELDS(StablehloGatherAttrs,
                EDGEML_FIELD(offset_dims) EDGEML_FIELD(collapsed_slice_dims)
                    EDGEML_FIELD(start_index_map) EDGEML_FIELD(index_vector_dim)
                        EDGEML_FIELD(slice_sizes) EDGEML_FIELD(indices_are_sorted))
};
struct StablehloPadAttrs {  // per dimension
  std::vector<int64_t> low, high, interior;
  EDGEML_FIELDS(StablehloPadAttrs, EDGEML_FIELD(low) EDGEML_FIELD(high) EDGEML_FIELD(interior))
};
struct StablehloReduceWindowAttrs {  // per dimension; padding: front and back of each
  std::vector<int64_t> dimensions, strides, base_dilations, window_dilations, padding;
  int32_t body_subgraph = 0;
  EDGEML_FIELDS(StablehloReduceWindowAttrs,
                EDGEML_FIELD(dimensions) EDGEML_FIELD(strides) EDGEML_FIELD(base_dilations)
                    EDGEML_FIELD(window_dilations) EDGEML_FIELD(padding)
                        EDGEML_FIELD(body_subgraph))
};
struct StablehloScatterAttrs {
  bool indices_are_sorted = false;
  std::vector<int64_t> update_window_dims, inserted_window_dims, scatter_dims_to_operand_dims;
  int64_t index_vector_dim = 0;
  bool unique_indices = false;
  int32_t update_subgraph = 0;
  EDGEML_FIELDS(StablehloScatterAttrs,
                EDGEML_FIELD(indices_are_sorted) EDGEML_FIELD(update_window_dims)
                    EDGEML_FIELD(inserted_window_dims) EDGEML_FIELD(scatter_dims_to_operand_dims)
                        EDGEML_FIELD(index_vector_dim) EDGEML_FIELD(unique_indices)
                            EDGEML_FIELD(update_subgraph))
};
struct DetectionPostProcessAttrs {
  int32_t max_detections = 0, max_classes_per_detection = 0, detections_per_class = 100;
  bool use_regular_nms = false;
  float nms_score_threshold = 0.0f, nms_iou_threshold = 0.0f;
  int32_t num_classes = 0;
  float y_scale = 0.0f, x_scale = 0.0f, h_scale = 0.0f, w_scale = 0.0f;
  // The bytes the attributes came from, written back as they are.
  std::vector<uint8_t> encoded;
  EDGEML_FIELDS(DetectionPostProcessAttrs,
                EDGEML_FIELD(max_detections) EDGEML_FIELD(max_classes_per_detection)
                    EDGEML_FIELD(detections_per_class) EDGEML_FIELD(use_regular_nms)
                        EDGEML_FIELD(nms_score_threshold) EDGEML_FIELD(nms_iou_threshold)
                            EDGEML_FIELD(num_classes) EDGEML_FIELD(y_scale) EDGEML_FIELD(x_scale)
                                EDGEML_FIELD(h_scale) EDGEML_FIELD(w_scale))
};
// An operator we do not run: a custom op, or a builtin that is not listed above. `format_data` is
// understood by the format that made it only (so that it can write the operator again).
struct OpaqueAttrs {
  std::string name;  // custom code, or the builtin's name
  bool is_custom = true;
  std::vector<uint8_t> custom_options;
  std::shared_ptr<const void> format_data;
  int32_t format_code = 0;
  EDGEML_FIELDS(OpaqueAttrs, EDGEML_FIELD(name))
};

#undef EDGEML_FIELD
#undef EDGEML_FIELDS

using Attributes = std::variant<
    std::monostate, ConvAttrs, DepthwiseConvAttrs, PoolAttrs, FullyConnectedAttrs, BatchMatMulAttrs,
    BinaryAttrs, ActivationAttrs, SoftmaxAttrs, LeakyReluAttrs, GeluAttrs, ConcatAttrs,
    ReshapeAttrs, AxisAttrs, GatherAttrs, SplitAttrs, SqueezeAttrs, StridedSliceAttrs, ReduceAttrs,
    CumsumAttrs, TypeAttrs, ResizeAttrs, BlockAttrs, MirrorPadAttrs, LstmAttrs, RnnAttrs, SvdfAttrs,
    WhileAttrs, IfAttrs, CallOnceAttrs, VarHandleAttrs, DetectionPostProcessAttrs, Conv3DAttrs,
    LocalResponseNormAttrs, FakeQuantAttrs, BucketizeAttrs, RandomAttrs, RngBitGeneratorAttrs,
    BidirectionalLstmAttrs, BidirectionalRnnAttrs, HashtableAttrs, CombinerAttrs,
    LshProjectionAttrs, SkipGramAttrs, ReverseSequenceAttrs, SparseToDenseAttrs, ReduceWindowAttrs,
    CaseAttrs, CompositeAttrs, StablehloGatherAttrs, StablehloPadAttrs, StablehloReduceWindowAttrs,
    StablehloScatterAttrs, OpaqueAttrs>;

// "stride_h=2 activation=RELU6 …" in one line, fields at their default left out.
std::string ToString(const Attributes& attributes);
const char* NameOf(Activation activation);
const char* NameOf(Padding padding);

}  // namespace edgeml::ir

#endif  // EDGEML_IR_ATTRIBUTES_H_
