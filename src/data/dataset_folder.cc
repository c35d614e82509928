// Files in a folder per class.
#include <algorithm>
#include <filesystem>

#include "src/base/strings.h"
#include "src/data/dataset_kinds.h"

namespace edgeml::data {
namespace {

namespace fs = std::filesystem;

class FolderDataset final : public Dataset {
 public:
  FolderDataset(std::string root, std::vector<std::string> class_names,
                std::vector<std::pair<int32_t, std::string>> files)
      : root_(std::move(root)), files_(std::move(files)) {
    class_names_ = std::move(class_names);
  }

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  int64_t Label(int64_t i) const override { return files_[static_cast<size_t>(i)].first; }
  Result<Example> Get(int64_t i) const override {
    const auto& [label, file] = files_[static_cast<size_t>(i)];
    const std::string name =
        label < 0 ? file : Concat(class_names_[static_cast<size_t>(label)], "/", file);
    EDGEML_ASSIGN_OR_RETURN(Example example, ReadExample(Concat(root_, "/", name)));
    example.label = label;
    example.name = name;
    return example;
  }

 private:
  std::string root_;
  std::vector<std::pair<int32_t, std::string>> files_;  // class or -1, file name
};

// Names in `folder`, sorted, hidden ones left out: folders or wanted files.
Status List(const std::string& folder, bool folders, bool (*wanted)(std::string_view),
            std::vector<std::string>& names) {
  std::error_code error;
  fs::directory_iterator it(folder, error);
  if (error) return Error(Code::kNotFound, folder, ": cannot be opened: ", error.message());
  while (it != fs::directory_iterator()) {
    std::string name = it->path().filename().string();
    std::error_code ignored;
    const bool is_folder = it->is_directory(ignored);
    if (!name.starts_with('.') && is_folder == folders && (folders || wanted(name))) {
      names.push_back(std::move(name));
    }
    it.increment(error);
    if (error) return Error(Code::kNotFound, folder, ": cannot be read: ", error.message());
  }
  std::sort(names.begin(), names.end());
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<Dataset>> OpenFolder(const std::string& root, std::string_view what,
                                            bool (*wanted)(std::string_view name)) {
  std::vector<std::string> classes, names;
  std::vector<std::pair<int32_t, std::string>> files;
  EDGEML_RETURN_IF_ERROR(List(root, true, wanted, classes));
  for (size_t c = 0; c < classes.size(); ++c) {
    names.clear();
    EDGEML_RETURN_IF_ERROR(List(Concat(root, "/", classes[c]), false, wanted, names));
    for (std::string& name : names) files.emplace_back(static_cast<int32_t>(c), std::move(name));
  }
  if (files.empty()) {
    classes.clear();
    names.clear();
    EDGEML_RETURN_IF_ERROR(List(root, false, wanted, names));
    for (std::string& name : names) files.emplace_back(-1, std::move(name));
  }
  if (files.empty()) {
    return Error(Code::kInvalidModel, root, ": no ", what, " in this folder or in its folders");
  }
  return std::unique_ptr<Dataset>(
      std::make_unique<FolderDataset>(root, std::move(classes), std::move(files)));
}

}  // namespace edgeml::data
