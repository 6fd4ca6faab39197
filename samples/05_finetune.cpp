// A few steps of fine-tuning: an adapter of entropy-routed experts learns two sentences. Usage: 05_finetune [MODEL]
#include <cstdio>

#include "frontend/default_model.h"
#include "frontend/training/run.h"

using namespace lorikeet;

namespace {

constexpr const char* kExamples =
    "{\"instruction\": \"Which bird mimics?\", \"output\": \"The lyrebird.\"}\n"
    "{\"instruction\": \"Which bird hovers?\", \"output\": \"The hummingbird.\"}\n";

Status run(const std::filesystem::path& path) {
  LK_ASSIGN(Device device, Device::open({Options::from_environment(), {}}));
  LK_ASSIGN(Model model, Model::load(device, path));
  if (!model.tokenizer()) return invalid("this sample needs a model with a tokenizer.");

  // Texts become tokens, and tokens become batches.
  DatasetOptions data;
  data.encoding.vocabulary = int64_t(model.config().vocabulary);
  LK_ASSIGN(Dataset examples, Dataset::parse(kExamples, "the examples", *model.tokenizer(), data));

  // Published defaults, but a small rank and few steps.
  RunOptions options;
  options.adapter = published_adapter(AdapterKind::dynmole);
  options.adapter.lora.r = 4;
  options.adapter.lora.alpha = 8;
  options.schedule.rate = 5e-3;
  options.accumulate = 1;
  options.steps = 8;

  LK_ASSIGN(const RunMemory memory, TrainingRun::memory(model, examples, options));
  LK_TRY(TrainingRun::check_memory(memory));
  std::printf("%llu numbers are trained\n", static_cast<unsigned long long>(memory.numbers));

  LK_ASSIGN(TrainingRun training, TrainingRun::create(model, std::move(examples), options));
  double first = 0, last = 0;
  while (!training.done()) {
    LK_ASSIGN(const RunStep step, training.step());
    last = step.point.cross_entropy;
    if (step.point.step == 1) first = last;
    std::printf("step %llu: loss %.4f\n", static_cast<unsigned long long>(step.point.step), last);
  }
  return last < first ? Status(Done{}) : Status(Error{ErrorCode::internal, "nothing was learnt.", {}});
}

}  // namespace

int main(int argc, char** argv) {
  const auto model = argc > 1 ? Result<std::filesystem::path>(argv[1]) : default_model();
  const Status status = model ? run(*model) : Status(model.error());
  if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
