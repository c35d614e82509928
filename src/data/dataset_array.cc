// Data sets that are one array of examples and one of labels: MNIST, digits, CIFAR-10, CSV, npz.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "src/base/strings.h"
#include "src/data/array_file.h"
#include "src/data/bundled_digits.h"
#include "src/data/csv.h"
#include "src/data/dataset_kinds.h"
#include "src/data/file_io.h"
#include "src/data/idx.h"

namespace edgeml::data {
namespace {

constexpr int64_t kDigitsTrain = 1437;

class ArrayDataset final : public Dataset {
 public:
  // x: [n, …]; labels: [n] or empty; `shape` is the shape of one example.
  ArrayDataset(std::string name, ExampleKind kind, Array x, Shape shape,
               std::vector<int64_t> labels, std::vector<std::string> class_names, int64_t n)
      : name_(std::move(name)),
        kind_(kind),
        x_(std::move(x)),
        shape_(shape),
        labels_(std::move(labels)),
        size_(n) {
    class_names_ = std::move(class_names);
  }

  int64_t size() const override { return size_; }
  int64_t Label(int64_t i) const override {
    return labels_.empty() ? -1 : labels_[static_cast<size_t>(i)];
  }
  Result<Example> Get(int64_t i) const override {
    const size_t bytes = x_.bytes.size() / static_cast<size_t>(size_);
    const auto first = x_.bytes.begin() + static_cast<int64_t>(bytes) * i;
    Example example{kind_, {x_.type, shape_, {}}, Label(i), Concat(name_, "[", i, "]")};
    example.values.bytes.assign(first, first + static_cast<int64_t>(bytes));
    return example;
  }

 private:
  std::string name_;
  ExampleKind kind_;
  Array x_;
  Shape shape_;
  std::vector<int64_t> labels_;
  int64_t size_;
};

std::unique_ptr<Dataset> Make(std::string name, ExampleKind kind, Array x, Shape shape,
                              std::vector<int64_t> labels, std::vector<std::string> class_names,
                              int64_t n) {
  return std::make_unique<ArrayDataset>(std::move(name), kind, std::move(x), shape,
                                        std::move(labels), std::move(class_names), n);
}

Shape WithoutFirst(const Shape& shape) { return Shape(shape.dims().subspan(1)); }

std::vector<std::string> TenDigits() { return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}; }

// "…-images-idx3-ubyte", with or without ".gz", also spelled "…-images.idx3-ubyte".
Result<std::string> FindIdx(const std::string& folder, const std::string& stem, int rank) {
  for (const char* separator : {"-", "."}) {
    for (const char* ending : {"", ".gz"}) {
      const std::string path = Concat(folder, "/", stem, separator, "idx", rank, "-ubyte", ending);
      std::error_code ignored;
      if (std::filesystem::exists(path, ignored)) return path;
    }
  }
  return Error(Code::kNotFound, folder, ": no ", stem, "-idx", rank, "-ubyte[.gz] in this folder");
}

// Labels from numbers: [n] or [n, 1] class numbers, or [n, classes] with a single 1 per row.
Result<std::vector<int64_t>> LabelsOf(const Array& y, int64_t n, const std::string& where) {
  if (y.shape.rank() < 1 || y.shape[0] != n || y.shape.rank() > 2) {
    return Error(Code::kInvalidModel, where, ": y has shape ", y.shape.ToString(), "; expected [",
                 n, "] or [", n, ", classes]");
  }
  const std::vector<double> values = ToDoubles(y);
  if (values.size() != static_cast<size_t>(y.shape.num_elements())) {
    return Error(Code::kUnsupported, where, ": y of type ", NameOf(y.type), " cannot be labels");
  }
  const size_t columns = y.shape.rank() == 2 ? static_cast<size_t>(y.shape[1]) : 1;
  std::vector<int64_t> labels(static_cast<size_t>(n));
  for (size_t i = 0; i < labels.size(); ++i) {
    const double* row = values.data() + i * columns;
    if (columns == 1) {
      if (!(row[0] >= -1 && row[0] < 1e9) || row[0] != std::floor(row[0])) {
        return Error(Code::kUnsupported, where, ": y[", i, "] = ", row[0],
                     " is not a class number");
      }
      labels[i] = static_cast<int64_t>(row[0]);
      continue;
    }
    const auto ones = std::count(row, row + columns, 1.0),
               zeros = std::count(row, row + columns, 0.0);
    if (ones != 1 || ones + zeros != static_cast<int64_t>(columns)) {
      return Error(Code::kUnsupported, where, ": y[", i, "] does not have a single 1 among zeros");
    }
    labels[i] = std::find(row, row + columns, 1.0) - row;
  }
  return labels;
}

}  // namespace

Result<std::unique_ptr<Dataset>> OpenMnist(const std::string& folder, bool train) {
  const std::string stem = train ? "train" : "t10k";
  EDGEML_ASSIGN_OR_RETURN(const std::string images, FindIdx(folder, stem + "-images", 3));
  EDGEML_ASSIGN_OR_RETURN(const std::string names, FindIdx(folder, stem + "-labels", 1));
  EDGEML_ASSIGN_OR_RETURN(Array x, ReadIdx(images));
  EDGEML_ASSIGN_OR_RETURN(const Array y, ReadIdx(names));
  if (x.type != DType::kUInt8 || x.shape.rank() != 3 || x.shape[0] == 0) {
    return Error(Code::kInvalidModel, images, ": ", NameOf(x.type), " ", x.shape.ToString(),
                 " are not gray pictures");
  }
  EDGEML_ASSIGN_OR_RETURN(std::vector<int64_t> labels, LabelsOf(y, x.shape[0], names));
  const int64_t n = x.shape[0];
  const Shape shape{x.shape[1], x.shape[2], 1};
  return Make(train ? "mnist:train" : "mnist:test", ExampleKind::kPixels, std::move(x), shape,
              std::move(labels), TenDigits(), n);
}

Result<std::unique_ptr<Dataset>> OpenDigits(bool train) {
  EDGEML_ASSIGN_OR_RETURN(const Bytes images, GunzipIfNeeded(kDigitsImages, "digits"));
  EDGEML_ASSIGN_OR_RETURN(const Bytes names, GunzipIfNeeded(kDigitsLabels, "digits"));
  EDGEML_ASSIGN_OR_RETURN(const Array all, ParseIdx(images, "digits"));
  EDGEML_ASSIGN_OR_RETURN(const Array y, ParseIdx(names, "digits"));
  EDGEML_ASSIGN_OR_RETURN(std::vector<int64_t> labels, LabelsOf(y, all.shape[0], "digits"));
  const int64_t first = train ? 0 : kDigitsTrain;
  const int64_t n = train ? kDigitsTrain : all.shape[0] - kDigitsTrain;
  // Numbers rather than bytes: integer inputs take them through their own scale.
  const int64_t each = int64_t{all.shape[1]} * all.shape[2];
  Array x{DType::kFloat32, Shape{static_cast<int32_t>(n), all.shape[1], all.shape[2]}, {}};
  x.bytes.resize(static_cast<size_t>(n * each) * sizeof(float));
  std::transform(all.bytes.begin() + first * each, all.bytes.begin() + (first + n) * each,
                 x.as<float>().begin(), [](uint8_t v) { return static_cast<float>(v); });
  labels = {labels.begin() + first, labels.begin() + first + n};
  const Shape shape = WithoutFirst(x.shape);
  return Make(train ? "digits:train" : "digits:test", ExampleKind::kValues, std::move(x), shape,
              std::move(labels), TenDigits(), n);
}

Result<std::unique_ptr<Dataset>> OpenCifar10(const std::string& path, size_t max_bytes) {
  constexpr size_t kSide = 32, kPlane = kSide * kSide, kRecord = 1 + 3 * kPlane;
  EDGEML_ASSIGN_OR_RETURN(Bytes bytes, ReadFile(path, max_bytes));
  if (bytes.empty() || bytes.size() % kRecord != 0) {
    return Error(Code::kInvalidModel, path, ": ", bytes.size(), " bytes are no whole number of ",
                 kRecord, "-byte CIFAR-10 records");
  }
  const size_t n = bytes.size() / kRecord;
  std::vector<int64_t> labels(n);
  // Planes to interleaved pixels, in place; the records move together as the labels drop out.
  std::array<uint8_t, 3 * kPlane> pixels;
  for (size_t i = 0; i < n; ++i) {
    const uint8_t* record = bytes.data() + i * kRecord;
    labels[i] = record[0];
    if (record[0] > 9) {
      return Error(Code::kInvalidModel, path, ": record ", i, " has label ", record[0]);
    }
    for (size_t p = 0; p < kPlane; ++p) {
      for (size_t c = 0; c < 3; ++c) pixels[3 * p + c] = record[1 + c * kPlane + p];
    }
    std::copy(pixels.begin(), pixels.end(), bytes.begin() + static_cast<int64_t>(i * 3 * kPlane));
  }
  bytes.resize(n * 3 * kPlane);
  Array x{DType::kUInt8, Shape{static_cast<int32_t>(n), kSide, kSide, 3}, std::move(bytes)};
  return Make(
      "cifar10", ExampleKind::kPixels, std::move(x), Shape{kSide, kSide, 3}, std::move(labels),
      {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
      static_cast<int64_t>(n));
}

Result<std::unique_ptr<Dataset>> OpenCsv(const std::string& path, std::string_view label_column,
                                         size_t max_bytes) {
  EDGEML_ASSIGN_OR_RETURN(const Bytes bytes, ReadMaybeGzip(path, max_bytes));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  EDGEML_ASSIGN_OR_RETURN(CsvTable table, ParseCsv(text, label_column, path));
  const auto n = static_cast<int32_t>(table.labels.size());
  const auto columns = static_cast<int32_t>(table.columns.size());
  if (n == 0 || columns == 0) {
    return Error(Code::kInvalidModel, path, ": no rows, or no column besides the label");
  }
  const auto* data = reinterpret_cast<const uint8_t*>(table.values.data());
  Array x{DType::kFloat32, Shape{n, columns},
          Bytes(data, data + table.values.size() * sizeof(float))};
  return Make(std::filesystem::path(path).filename().string(), ExampleKind::kValues, std::move(x),
              Shape{columns}, std::move(table.labels), std::move(table.class_names), n);
}

Result<std::unique_ptr<Dataset>> OpenNpz(const std::string& path, size_t max_bytes) {
  EDGEML_ASSIGN_OR_RETURN(std::vector<NamedArray> arrays, ReadNpz(path, max_bytes));
  NamedArray* x = nullptr;
  const NamedArray* y = nullptr;
  std::string found;
  for (NamedArray& a : arrays) {
    if (a.name == "x") x = &a;
    if (a.name == "y") y = &a;
    found += (found.empty() ? "" : ", ") + a.name;
  }
  if (x == nullptr || x->array.shape.rank() < 1 || x->array.shape[0] < 1) {
    return Error(Code::kInvalidModel, path, ": no array x of examples [n, …]; it holds: ",
                 x == nullptr ? found : Concat("x ", x->array.shape.ToString()));
  }
  const int64_t n = x->array.shape[0];
  std::vector<int64_t> labels;
  if (y != nullptr) {
    EDGEML_ASSIGN_OR_RETURN(labels, LabelsOf(y->array, n, path));
  }
  const Shape shape = WithoutFirst(x->array.shape);
  return Make(std::filesystem::path(path).filename().string(), ExampleKind::kValues,
              std::move(x->array), shape, std::move(labels), {}, n);
}

}  // namespace edgeml::data
