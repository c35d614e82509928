// Operations inside of models: keras.ops of Keras 3, and TensorFlow's functions as Keras 2 keeps
// them (TFOpLambda, SlicingOpLambda). One table from names to functions serves both:
// "math.multiply" and the class Multiply are "multiply".
#ifndef EDGEML_FORMATS_KERAS_LAYERS_OPERATIONS_H_
#define EDGEML_FORMATS_KERAS_LAYERS_OPERATIONS_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/strings.h"
#include "src/formats/keras/layers/common.h"

namespace edgeml::keras {

using Names = std::initializer_list<std::string_view>;

// Numbers in the file: a scalar or an array.
struct Literal {
  Shape shape;
  std::vector<double> values;
  bool real = false;  // written with a fraction, or stated to be of a float type
};
// Nothing when it is no rectangular array of numbers.
std::optional<Literal> ReadLiteral(const Json& json);

// What an operation is called with. Parameters are found by any of their names, among the options
// (Keras 3 keeps there what its constructors take) and the call's keywords; else by position.
class Operands {
 public:
  explicit Operands(LayerContext& context) : c(context), e(context.e) {}

  LayerContext& c;
  ir::Emitter& e;
  bool is_tensorflow = false;  // a function of TensorFlow, not one of keras.ops

  // No position.
  static constexpr size_t kNowhere = SIZE_MAX;

  // The first positional tensor, or kNoValue after an error.
  int32_t X();
  // A tensor, or a constant of the type `like` (kInvalid: its own); kNoValue when it is not given.
  int32_t Value(size_t position, Names names, DType like = DType::kInvalid);
  bool IsGiven(size_t position, Names names);
  // Two operands of one type: numbers in the file take that of the other one, and where one is a
  // float both are.
  std::pair<int32_t, int32_t> Pair(Names first, Names second, size_t position = 0);
  // A list of tensors: the argument is one, or all of them are.
  std::vector<int32_t> List(size_t position, Names names);
  // The argument itself; null when it is not given.
  const Argument* Find(size_t position, Names names);
  // A plain value; null when it is not given or a tensor.
  const Json& Option(Names names, size_t position = kNowhere);
  int64_t Int(Names names, int64_t or_else, size_t position = kNowhere);
  double Number(Names names, double or_else, size_t position = kNowhere);
  bool Flag(Names names, bool or_else);
  std::string Text(Names names, std::string_view or_else);
  // Integers, none when it is not given (or None).
  std::optional<std::vector<int32_t>> Ints(Names names, size_t position = kNowhere);
  // An axis of `rank` dimensions; an error and 0 when it is out of range.
  int Axis(Names names, int64_t or_else, int rank, size_t position = kNowhere);
  // One, several, or all axes of x. An error when out of range.
  std::vector<int32_t> Axes(Names names, int rank);
  int Normalized(int64_t axis, int rank);

  void Fail(Status status) { e.Fail(std::move(status)); }
  void Unsupported(std::string what) { e.Fail(Error(Code::kUnsupported, std::move(what))); }
  void Return(int32_t v) { c.outputs = {{v, ir::kNoValue}}; }
  void Return(std::span<const int32_t> values) {
    c.outputs.clear();
    for (const int32_t v : values) c.outputs.push_back({v, ir::kNoValue});
  }

  int32_t Constant(const Literal& literal, DType type);
  // To float32 when it is an integer or bool.
  int32_t Float(int32_t v) { return e.Cast(v, DType::kFloat32); }
  // A tensor of the shape of x that is `value`, of rank 0, everywhere.
  int32_t FillLike(int32_t x, int32_t value);
  // The result of a layer on x; `config` is the JSON of its options.
  int32_t AsLayer(const char* class_name, const std::string& config, int32_t x);
  // Errors, also of arguments that nobody has asked for.
  Status Finish();

 private:
  std::set<std::string, std::less<>> read_;
  Json unwrapped_;
};

struct Operation {
  const char* name;
  void (*lower)(Operands& o);
};

// Lists of names, each in one of operations_*.cc.
std::span<const Operation> ImageOperations();
std::span<const Operation> MathOperations();
std::span<const Operation> ReductionOperations();
std::span<const Operation> ShapeOperations();

// "float32" … of an option dtype; nothing for a name that is not known.
std::optional<DType> TypeNamed(std::string_view name);

}  // namespace edgeml::keras

#endif  // EDGEML_FORMATS_KERAS_LAYERS_OPERATIONS_H_
