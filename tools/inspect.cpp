// lorikeet inspect: what is in a model file or an adapter; each dispatch of a plan; each kernel's interface.
#include <iomanip>
#include <map>
#include <sstream>

#include "frontend/config.h"
#include "runtime/base/text.h"
#include "runtime/plan/plan.h"
#include "shaders/embedded.h"
#include "tools/adapter_report.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

struct Flags {
  ModelOptions model;
  AdapterReportOptions adapter;
  int64_t rows = 1;
  bool plan = false, kernels = false, no_fuse = false;
};

constexpr size_t kLongestText = 120;

template <class List>
std::string list_text(const List& values) {
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i == 8) return out + join(", ... ", values.size(), " in all]");
    out += join(i ? ", " : "", values[i]);
  }
  return out + "]";
}

std::string value_text(const GgufMetadata& metadata, const GgufMetadata::Entry& entry) {
  const GgufValue& value = entry.value;
  if (value.type == GgufType::array) {
    if (auto texts = metadata.texts(entry.key)) return list_text(*texts);
    if (auto integers = metadata.integers(entry.key)) return list_text(*integers);
    if (auto numbers = metadata.numbers(entry.key)) return list_text(*numbers);
    return join("array of ", value.count, " ", name(value.element));
  }
  if (auto text = metadata.text(entry.key)) {
    std::string out(text->substr(0, kLongestText));
    for (char& c : out)
      if (c == '\n') c = ' ';
    return out + (text->size() > kLongestText ? join(" ... (", text->size(), " bytes)") : "");
  }
  if (auto integer = metadata.integer(entry.key)) return std::to_string(*integer);
  if (auto natural = metadata.natural(entry.key)) return std::to_string(*natural);
  if (auto flag = metadata.flag(entry.key)) return *flag ? "true" : "false";
  if (auto number = metadata.number(entry.key)) return join(*number);
  return std::string(name(value.type));
}

std::string whole_layers_text(const FactorConfig& factor) {
  std::string text;
  for (const uint32_t layer : factor.whole_layers)
    text += join(text.empty() ? ", all experts in layers " : ", ", layer);
  return text;
}

std::string config_text(const DecoderConfig& c) {
  return join("config: ", c.model_type, ", ", c.layers, " layers, hidden ", c.hidden, ", heads ", c.heads, " (",
              c.kv_heads, " for keys and values) of ", c.head_dim, ", feed-forward ", c.intermediate, ", vocabulary ",
              c.vocabulary, ", context ", c.context_length, c.tied_embeddings ? ", head tied to the embedding" : "",
              c.qkv_bias ? ", biases on q, k, v" : "", "\n",
              c.factor ? join("factored: ", c.factor->experts, " experts of ", c.intermediate / c.factor->experts,
                              " rows, ", c.factor->active, " active, scale ", c.factor->scale(c.factor->active), ", ",
                              name(c.factor->split), " split", whole_layers_text(*c.factor), "\n")
                       : std::string());
}

std::string picture_text(const PictureConfig& p) {
  std::string out = join("vision tower: ", p.tower_layers, " layers, hidden ", p.tower_hidden, ", heads ",
                         p.tower_heads, ", feed-forward ", p.tower_intermediate, ", pictures of ", p.side, " x ",
                         p.side, " in patches of ", p.patch, ", ", p.visual_tokens(), " visual tokens\n");
  if (!p.use_experts) return out + "visual experts: none\n";
  return out + join("visual experts: ", p.experts, ", feed-forward ", p.expert_intermediate, ", residual weight ",
                    p.residual_weight, "\n");
}

void print_tensors(const Checkpoint& checkpoint) {
  std::map<std::string_view, std::pair<uint64_t, uint64_t>> by_type;
  size_t longest = 0;
  for (const TensorInfo& tensor : checkpoint.tensors()) longest = std::max(longest, tensor.name.size());
  std::ostringstream out;
  out << "tensors: " << checkpoint.tensors().size() << "\n";
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    out << "  " << std::left << std::setw(int(longest)) << tensor.name << "  " << std::setw(5) << name(tensor.type)
        << " " << std::setw(16) << shape_text(tensor.shape) << " " << std::right << std::setw(10)
        << size_text(tensor.bytes) << "\n";
    auto& [count, bytes] = by_type[name(tensor.type)];
    ++count, bytes += tensor.bytes;
  }
  for (const auto& [type, sums] : by_type)
    out << "  " << type << ": " << sums.first << " tensors, " << size_text(sums.second) << "\n";
  print(out.str());
}

Status print_file(const Flags& flags) {
  LK_ASSIGN(const Checkpoint checkpoint, Checkpoint::open(flags.model.path, flags.model.vision));
  const bool gguf = checkpoint.kind() == Checkpoint::Kind::gguf;
  print(join("file: ", checkpoint.path().string(), ", ", gguf ? "GGUF" : "Hugging Face directory", ", ",
             size_text(checkpoint.file_bytes()), "\n"));
  if (gguf) {
    print(join("metadata: ", checkpoint.metadata().entries().size(), "\n"));
    for (const auto& entry : checkpoint.metadata().entries())
      print(join("  ", entry.key, " = ", value_text(checkpoint.metadata(), entry), "\n"));
  }
  print_tensors(checkpoint);
  const auto config = DecoderConfig::from(checkpoint);
  print(config ? config_text(*config) : "config: " + config.error().message + "\n");
  if (config && config->picture) print(picture_text(*config->picture));
  return Done{};
}

Status print_plan(const Flags& flags) {
  SessionOptions options = flags.model.session();
  if (flags.no_fuse) options.fuse = false;
  LK_ASSIGN(Loaded loaded, load(flags.model, options));
  LK_ASSIGN(const Plan* plan, flags.rows == 1 ? loaded.session->decode_plan() : loaded.session->read_plan(flags.rows));
  const PlanCounts& counts = plan->counts();
  const uint64_t weights = loaded.model->memory().weight_bytes;
  print(plan->print());
  print(join("totals of one run: ", counts.dispatches, " dispatches, ", counts.barriers, " barriers, ",
             counts.command_buffers, " command buffers (one submission, or more where the device has a time budget), ",
             counts.bytes, " bytes (", std::fixed, std::setprecision(3), double(counts.bytes) / double(weights),
             " times the ", weights, " of the weights), ", std::setprecision(3), counts.flops * 1e-9, " GFLOP\n"));
  return Done{};
}

std::string interface_text(const KernelInterface& interface) {
  std::ostringstream out;
  out << "    workgroup " << interface.workgroup[0] << "x" << interface.workgroup[1] << "x" << interface.workgroup[2]
      << ", params " << interface.params_bytes << " bytes, shared memory " << interface.shared_bytes
      << " bytes, constants " << list_text(interface.constant_ids) << ", capabilities "
      << list_text(interface.capabilities) << "\n";
  for (const auto& binding : interface.bindings)
    out << "    binding " << binding.number << ": " << binding.name << (binding.uniform ? ", uniform" : "") << ", "
        << (binding.reads && binding.writes ? "read and written"
            : binding.writes                ? "written"
                                            : "read")
        << "\n";
  return out.str();
}

// What the driver's compiler says of the kernel, with its default constants; nothing where the device lacks what it
// needs.
std::string statistics_text(Device& device, const EmbeddedShader& shader) {
  const KernelRequest request{std::string(shader.name), shader.words, {}, 0, true};
  const auto kernels = device.create_kernels({&request, 1});
  if (!kernels) return "    not compiled here: " + kernels.error().message + "\n";
  std::string out;
  for (const KernelStatistic& s : kernels->front().statistics())
    out += join("    ", s.executable, ": ", s.name, " ", s.value, "\n");
  return out;
}

Status print_kernels(const Flags& flags) {
  const auto device = flags.model.device.open();
  if (!device) say("no compiler statistics: " + device.error().message);
  for (const EmbeddedShader& shader : embedded_shaders()) {
    LK_ASSIGN(const KernelInterface interface, reflect(shader.words));
    print(join("  ", shader.name, ": ", shader.words.size() * 4, " bytes\n", interface_text(interface)));
    if (device) print(statistics_text(const_cast<Device&>(*device), shader));
  }
  return Done{};
}

Status run(const Flags& flags) {
  if (!flags.plan && !flags.kernels)
    return flags.model.adapters.given.empty() ? print_file(flags) : report_adapters(flags.model, flags.adapter);
  if (flags.plan) LK_TRY(print_plan(flags));
  if (flags.kernels) LK_TRY(print_kernels(flags));
  return Done{};
}

}  // namespace

void add_inspect(CLI::App& program, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = program.add_subcommand(
      "inspect", "Shows what is in a model file or an adapter, a plan's dispatches, or the kernels.");
  command->footer("Example: lorikeet inspect -m MODEL --plan --rows 128");
  flags->model.add(*command);
  flags->model.adapters.add(*command);
  flags->adapter.add(*command);
  command->add_flag("--plan", flags->plan,
                    "Each dispatch of the plan that generates: level (| where a barrier is), op, shapes, "
                    "choice,\nkernel, grid, bytes; and the totals. Example: inspect -m MODEL --plan");
  command
      ->add_option("--rows", flags->rows,
                   "With --plan: the plan that reads so many positions at once instead. Example: --plan --rows 128")
      ->option_text("N")
      ->check(CLI::Range(1, 512));
  command->add_flag("--no-fuse", flags->no_fuse, "With --plan: the plan of plain ops. Example: --plan --no-fuse");
  command->add_flag(
      "--kernels", flags->kernels,
      "Each embedded kernel's interface, and what the driver's compiler says of it.\nExample: inspect --kernels");
  CLI::Option* model = command->get_option("--model");
  model->required(false);
  command->callback([=, &job] {
    if (model->count() == 0 && (!flags->kernels || flags->plan)) throw CLI::RequiredError("--model");
    flags->adapter.check(flags->model.adapters);
    job = [flags] { return run(*flags); };
  });
}

}  // namespace lorikeet::tool
