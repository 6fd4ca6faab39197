#include "frontend/training/trained.h"

#include <system_error>

#include "frontend/adapters/adapter.h"
#include "frontend/adapters/adapter_initialisation.h"
#include "frontend/training/adapter_parameters.h"
#include "frontend/training/weight_parameters.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

using std::filesystem::path;

class TrainedAdapter : public Trained {
 public:
  TrainedAdapter(const Model& model, const RunOptions& options, AdapterTensors layout)
      : model_(model),
        options_(options),
        layout_(std::move(layout)),
        parameters_(adapter_parameters(layout_, kAdapterParameters)) {}

  TrainingRecipe recipe() const override {
    return {.adapter = AdapterInGraph{.config = &options_.adapter, .tensors = &layout_, .name = kAdapterParameters},
            .dropout = options_.adapter.lora.dropout > 0};
  }
  const std::vector<Parameter>& parameters() const override { return parameters_; }

  Result<std::vector<Parameter>> initial() const override {
    LK_ASSIGN(const AdapterTensors tensors,
              initial_adapter_tensors(options_.adapter, adapter_base(model_.config()), options_.seed));
    return adapter_parameters(tensors, kAdapterParameters);
  }

  std::vector<TrainedTensor> tensors() const override {
    std::vector<TrainedTensor> all;
    for (const AdapterSlot& slot : adapter_slots(layout_, options_.adapter.kind)) {
      const char* part = slot.part == AdapterSlot::Part::router ? "router"
                         : slot.part == AdapterSlot::Part::a    ? "a"
                                                                : "b";
      all.push_back({slot.name, join(kAdapterParameters, ".", part, ".", slot.index), slot.first, slot.elements()});
    }
    return all;
  }

  path place(const path& folder) const override { return folder; }

  Status write(const path& folder, const Read& read) const override {
    AdapterTensors tensors = layout_;
    LK_TRY(read_adapter_parameters(tensors, kAdapterParameters, read));
    const path staging = folder / kTrainedAdapterStaging;
    std::error_code failure, ignored;
    std::filesystem::remove_all(staging, ignored);  // what an interrupted run left
    LK_TRY(write_adapter(staging, options_.adapter, tensors));
    for (const char* file : kTrainedAdapterFiles) {
      std::filesystem::rename(staging / file, folder / file, failure);
      if (failure)
        return Error{ErrorCode::io,
                     join("[finetune] cannot write ", (folder / file).string(), ": ", failure.message(), "."),
                     {}};
    }
    std::filesystem::remove_all(staging, ignored);
    return Done{};
  }

 private:
  const Model& model_;
  const RunOptions& options_;
  AdapterTensors layout_;  // what there is
  std::vector<Parameter> parameters_;
};

class TrainedWeights : public Trained {
 public:
  TrainedWeights(const Model& model, std::vector<Parameter> parameters)
      : model_(model), parameters_(std::move(parameters)) {}

  TrainingRecipe recipe() const override { return {}; }
  const std::vector<Parameter>& parameters() const override { return parameters_; }

  Result<std::vector<Parameter>> initial() const override {
    std::vector<Parameter> parameters = parameters_;
    LK_TRY(read_weight_parameters(model_, parameters));
    return parameters;
  }

  std::vector<TrainedTensor> tensors() const override {
    std::vector<TrainedTensor> all;
    for (const Parameter& parameter : parameters_)
      for (const WeightSlot& slot : weight_slots(model_, parameter.name))
        all.push_back({slot.name, parameter.name, slot.first, slot.elements});
    return all;
  }

  path place(const path& folder) const override { return folder / rewritten_name(model_.checkpoint()); }

  Status write(const path& folder, const Read& read) const override {
    LK_ASSIGN(const NewValues values, rewritten_weights(model_, parameters_, read));
    return rewrite_checkpoint(model_.checkpoint(), values, place(folder));
  }

 private:
  const Model& model_;
  std::vector<Parameter> parameters_;
};

// The words of the configuration's own reader for what does not fit.
Status check_adapter(const AdapterConfig& config) {
  LK_ASSIGN(const AdapterConfig ignored, AdapterConfig::parse(config.text(), "[finetune] the adapter"));
  (void)ignored;
  return Done{};
}

}  // namespace

Result<std::unique_ptr<Trained>> trained_by(const Model& model, const RunOptions& options) {
  if (!options.weights.empty()) {
    LK_ASSIGN(std::vector<Parameter> parameters, find_weight_parameters(model, options.weights));
    for (const Parameter& parameter : parameters)
      for (const WeightSlot& slot : weight_slots(model, parameter.name))
        if (options.bypass_experts && slot.weight->role >= WeightRole::router)
          return invalid(join("[finetune] the run leaves the visual experts out, so ", slot.name,
                              " cannot learn; give patterns that leave it out too."));
    return std::unique_ptr<Trained>(new TrainedWeights(model, std::move(parameters)));
  }
  LK_TRY(check_adapter(options.adapter));
  LK_ASSIGN(AdapterTensors layout, adapter_layout(options.adapter, adapter_base(model.config())));
  return std::unique_ptr<Trained>(new TrainedAdapter(model, options, std::move(layout)));
}

}  // namespace lorikeet
