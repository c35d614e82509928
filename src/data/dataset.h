// Data sets: numbered examples with class labels, read when asked for.
#ifndef EDGEML_DATA_DATASET_H_
#define EDGEML_DATA_DATASET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"
#include "src/data/array.h"

namespace edgeml::data {

enum class ExampleKind {
  kPixels,   // uint8 [height, width, channels], channels 1 (gray) or 3 (RGB)
  kValues,   // numbers that mean themselves, of any shape and type
  kSamples,  // float32 [samples] of sound, [-1, 1)
};

struct Example {
  ExampleKind kind = ExampleKind::kValues;
  Array values;
  int64_t label = -1;   // class number; -1 = none
  std::string name;     // where it came from, for messages: "cat/3.png", "digits[17]"
  int sample_rate = 0;  // kSamples
};

// Immutable; may be shared by threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  // REQUIRES: 0 <= i < size(). Errors: those of the file behind the example.
  virtual Result<Example> Get(int64_t i) const = 0;
  // The label alone, without reading the example. REQUIRES: 0 <= i < size().
  virtual int64_t Label(int64_t i) const = 0;

  // Names of the classes; empty when the data has numbers only.
  const std::vector<std::string>& class_names() const { return class_names_; }
  // Number of class names, else the largest label + 1, and at least 0.
  int64_t num_classes() const;

 protected:
  std::vector<std::string> class_names_;
};

struct DatasetOptions {
  // The part that `mnist:DIR` and `digits` mean when they do not say.
  std::string_view default_split = "test";
  // Bounds what is held in memory; 0 = half of the machine's memory.
  size_t max_bytes = 0;
};

// Opens a data set by its description:
//   mnist:DIR[:train|:test]  idx files, plain or gz; pixels
//   cifar10:FILE.bin         CIFAR-10 binary records; pixels
//   images:DIR               pictures, a folder per class in sorted order (or unlabelled ones)
//   csv:FILE:LABEL           a table; LABEL is the column of the class
//   npz:FILE                 arrays x [n, …] and, if there, y [n] (class numbers) or [n, classes]
//   wavs:DIR                 sound files, a folder per class in sorted order (or unlabelled ones)
//   digits[:train|:test]     the bundled UCI digits: 1,437 and 360 pictures as values 0 to 16
// Errors: kInvalidArgument (another description), kNotFound, kInvalidModel, kUnsupported,
// kResourceExhausted.
Result<std::unique_ptr<Dataset>> OpenDataset(std::string_view spec,
                                             const DatasetOptions& options = {});

// One input file: a picture, a wav file, or an npy array (an npz file holds several: ReadNpz), told
// by extension. Errors: kUnsupported (another extension) and those of the readers.
Result<Example> ReadExample(const std::string& path);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_DATASET_H_
