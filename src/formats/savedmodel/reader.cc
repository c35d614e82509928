#include "src/formats/savedmodel/reader.h"

#include <string_view>
#include <utility>

namespace edgeml::savedmodel {
namespace {

Result<ir::Module> Finish(const std::string& path, const Model& model, const ReadOptions& options,
                          ir::Evaluator* evaluator) {
  Result<ir::Module> module = Lower(model, options.lower, evaluator);
  if (module.ok()) return module;
  Status status = module.status();
  return std::move(status).WithContext(path);
}

}  // namespace

Result<ir::Module> ReadSavedModel(const std::string& path, const ReadOptions& options,
                                  ir::Evaluator* evaluator,
                                  std::vector<std::shared_ptr<const MappedFile>>* mapped) {
  constexpr std::string_view kFile = "saved_model.pb";
  std::string folder = path;
  if (folder.ends_with(kFile)) folder.resize(folder.size() - kFile.size());
  if (folder.empty()) folder = ".";
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  EDGEML_ASSIGN_OR_RETURN(const Model model, ReadSavedModelGraph(folder, options.graph));
  if (mapped != nullptr) *mapped = model.mapped;
  return Finish(path, model, options, evaluator);
}

Result<ir::Module> ReadGraphDef(const std::string& path, const ReadOptions& options,
                                ir::Evaluator* evaluator) {
  EDGEML_ASSIGN_OR_RETURN(const Model model, ReadFrozenGraph(path, options.graph));
  return Finish(path, model, options, evaluator);
}

}  // namespace edgeml::savedmodel
