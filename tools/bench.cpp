// lorikeet bench: verify, then time.
#include <cstdio>

#include <nlohmann/json.hpp>

#include "frontend/bench.h"
#include "runtime/base/text.h"
#include "tools/commands.h"
#include "tools/model_options.h"

namespace lorikeet::tool {
namespace {

void print(const BenchLine& line, double peak_gflops) {
  std::printf("%-34s %10.3f ms", line.what.c_str(), line.milliseconds);
  if (line.tokens > 0) std::printf(" %10.1f tokens/s", line.tokens_per_second());
  if (line.flops > 0) std::printf(" %9.2f GFLOP/s", line.gflops());
  if (line.bytes > 0) std::printf(" %8.2f GB/s", line.gbytes());
  if (line.flops > 0 && peak_gflops > 0) std::printf(" %5.1f %% of peak", 100 * line.gflops() / peak_gflops);
  std::printf("%s%s\n", line.note.empty() ? "" : "  ", line.note.c_str());
}

nlohmann::ordered_json json(const BenchLine& line) {
  nlohmann::ordered_json object{{"what", line.what}, {"milliseconds", line.milliseconds}};
  if (line.tokens > 0) object["tokens_per_second"] = line.tokens_per_second();
  if (line.flops > 0) object["gflops"] = line.gflops();
  if (line.bytes > 0) object["gbytes_per_second"] = line.gbytes();
  if (!line.note.empty()) object["note"] = line.note;
  return object;
}

struct Arguments {
  ModelOptions model;
  std::string op, type = "q4_1", shape = "1536x576";
  int64_t rows = 1, prompt = 128, generate = 32;
  double seconds = 2;
  bool tune = false, profile = false, json = false;
};

Result<std::vector<BenchLine>> model_lines(Device& device, const Arguments& a) {
  LK_ASSIGN(Model model, Model::load(device, a.model.path, {.upload = {}, .notice = {}, .vision = a.model.vision}));
  if (a.tune) return tune(model, a.seconds / 10);
  LK_ASSIGN(const BenchLine peak, bench_peak(device, model.kernels(), a.seconds));
  std::vector<BenchLine> lines{peak};
  BenchOptions options{.prompt = a.prompt, .generate = a.generate, .seconds = a.seconds};
  options.session = a.model.session();
  if (a.profile) {
    LK_ASSIGN(auto profile, bench_profile(model, options));
    profile.insert(profile.begin(), peak);
    return profile;
  }
  LK_ASSIGN(const auto whole, bench_model(model, options));
  LK_ASSIGN(const BenchLine prompt_chain, bench_chain(model, a.prompt, 8, a.seconds));
  LK_ASSIGN(const BenchLine chain, bench_chain(model, 1, 1, a.seconds));
  for (const BenchLine& line : {whole[0], prompt_chain, whole[1], chain}) lines.push_back(line);
  return lines;
}

Result<std::vector<BenchLine>> op_lines(Device& device, const Arguments& a) {
  if (a.op != "matmul") return invalid(join("bench --op knows matmul, \"", a.op, "\" was given."));
  const auto type = dtype_from_name(a.type);
  MatmulBench what{.rows = a.rows, .seconds = a.seconds};
  if (!type) return invalid(join("\"", a.type, "\" is not a type; try f16, q8_0, q4_0, q4_1, q4_k, q6_k."));
  if (std::sscanf(a.shape.c_str(), "%ldx%ld", &what.outputs, &what.columns) != 2 || what.outputs < 1 ||
      what.columns < 1)
    return invalid(join("--shape is OUTPUTSxCOLUMNS, such as 1536x576; \"", a.shape, "\" was given."));
  what.type = *type;
  KernelLibrary kernels;
  LK_ASSIGN(const BenchLine peak, bench_peak(device, kernels, a.seconds));
  LK_ASSIGN(auto lines, bench_matmul(device, kernels, what));
  lines.insert(lines.begin(), peak);
  return lines;
}

Status run(const Arguments& a) {
  LK_ASSIGN(Device device, a.model.device.open());
  LK_ASSIGN(const auto lines, a.op.empty() ? model_lines(device, a) : op_lines(device, a));
  const double peak = lines.front().what.starts_with("register") ? lines.front().gflops() : 0;
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const BenchLine& line : lines) all.push_back(json(line));
  if (a.json)
    std::printf("%s\n", nlohmann::ordered_json{{"device", device.profile().name}, {"lines", all}}.dump().c_str());
  else
    for (const BenchLine& line : lines) print(line, peak);
  return Done{};
}

}  // namespace

void add_bench(CLI::App& program, Job& job) {
  auto a = std::make_shared<Arguments>();
  CLI::App* command =
      program.add_subcommand("bench", "Verify, then time: a whole model, its matrix products, or one op");
  a->model.add(*command);
  command->get_option("--model")->required(false);
  command->add_option("--op", a->op, "Time the choices of one op instead of a model: matmul");
  command->add_option("--type", a->type, "with --op: weight type")->capture_default_str();
  command->add_option("--shape", a->shape, "with --op: OUTPUTSxCOLUMNS")->capture_default_str();
  command->add_option("--rows", a->rows, "with --op: rows of the input")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  command->add_option("--prompt", a->prompt, "Tokens of the prompt")->capture_default_str()->check(CLI::Range(1, 512));
  command->add_option("--generate", a->generate, "Tokens to generate")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  command->add_option("--seconds", a->seconds, "Time spent on each line")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 600.0));
  command->add_flag("--tune", a->tune, "Time every choice of the model's products and remember the fastest");
  command->add_flag("--profile", a->profile, "Time each kernel of the model's plans");
  command->add_flag("--json", a->json, "One JSON object");
  command->footer(
      "Examples:\n  lorikeet bench -m model.gguf\n  lorikeet bench -m model.gguf --tune\n"
      "  lorikeet bench -m model.gguf --profile\n  lorikeet bench --op matmul --type q8_0 --shape 4096x4096 --rows "
      "128");
  command->callback([a, &job] {
    if (a->model.path.empty() == a->op.empty()) throw CLI::ValidationError("bench needs either --model or --op.");
    job = [a] { return run(*a); };
  });
}

}  // namespace lorikeet::tool
