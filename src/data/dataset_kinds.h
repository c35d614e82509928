// The kinds of data sets behind OpenDataset.
#ifndef EDGEML_DATA_DATASET_KINDS_H_
#define EDGEML_DATA_DATASET_KINDS_H_

#include <memory>
#include <string>
#include <string_view>

#include "src/data/dataset.h"

namespace edgeml::data {

// `train` chooses the part.
Result<std::unique_ptr<Dataset>> OpenMnist(const std::string& folder, bool train);
Result<std::unique_ptr<Dataset>> OpenDigits(bool train);
Result<std::unique_ptr<Dataset>> OpenCifar10(const std::string& path, size_t max_bytes);
Result<std::unique_ptr<Dataset>> OpenCsv(const std::string& path, std::string_view label_column,
                                         size_t max_bytes);
Result<std::unique_ptr<Dataset>> OpenNpz(const std::string& path, size_t max_bytes);
// Files whose name `wanted` accepts, in the folders of `root`, or right in it when it has none.
Result<std::unique_ptr<Dataset>> OpenFolder(const std::string& root, std::string_view what,
                                            bool (*wanted)(std::string_view name));

bool HasWavExtension(std::string_view name);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_DATASET_KINDS_H_
