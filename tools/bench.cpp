// lorikeet bench: verify, then time.
#include <cinttypes>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "frontend/bench_adapter.h"
#include "frontend/bench_ops.h"
#include "frontend/bench_training.h"
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

nlohmann::ordered_json json(const BenchLine& line, double peak_gflops) {
  nlohmann::ordered_json object{{"what", line.what}, {"milliseconds", line.milliseconds}};
  if (line.tokens > 0) object["tokens_per_second"] = line.tokens_per_second();
  if (line.flops > 0) object["gflops"] = line.gflops();
  if (line.flops > 0 && peak_gflops > 0) object["percent_of_peak"] = 100 * line.gflops() / peak_gflops;
  if (line.bytes > 0) object["gbytes_per_second"] = line.gbytes();
  if (!line.note.empty()) object["note"] = line.note;
  return object;
}

struct Arguments {
  ModelOptions model;
  std::string op, type_name, shape;
  DType type = DType::q4_1;
  int64_t outputs = 0, columns = 0;
  std::vector<int64_t> rows;
  int64_t experts = 0, used = 0, rank = 0, share = 1, heads = 32, kv_heads = 8, head_dim = 128;
  int64_t prompt = 128, generate = 32;
  double seconds = 2;
  bool tune = false, profile = false, training = false, json = false;
};

Result<std::vector<BenchLine>> model_lines(Device& device, const Arguments& a) {
  LK_ASSIGN(Model model, Model::load(device, a.model.path, {.upload = {}, .notice = {}, .vision = a.model.vision}));
  if (a.tune) return tune(model, a.seconds / 10);
  LK_ASSIGN(const BenchLine peak, bench_peak(device, model.kernels(), a.seconds));
  std::vector<BenchLine> lines{peak};
  if (a.training) {
    const TrainingBench what{.experts = uint32_t(a.experts), .rank = uint32_t(a.rank), .seconds = a.seconds};
    LK_ASSIGN(const auto learning, a.profile ? profile_training(model, what) : bench_training(model, what));
    lines.insert(lines.end(), learning.begin(), learning.end());
    return lines;
  }
  BenchOptions options{.prompt = a.prompt, .generate = a.generate, .seconds = a.seconds};
  options.session = a.model.session();
  if (a.profile) {
    LK_ASSIGN(auto profile, bench_profile(model, options));
    profile.insert(profile.begin(), peak);
    return profile;
  }
  LK_ASSIGN(const auto whole, bench_model(model, options));
  LK_ASSIGN(const BenchLine prompt_chain, bench_chain(model, {a.prompt, 8, a.model.active, a.seconds}));
  LK_ASSIGN(const BenchLine chain, bench_chain(model, {1, 1, a.model.active, a.seconds}));
  for (const BenchLine& line : {whole[0], prompt_chain, whole[1], chain}) lines.push_back(line);
  return lines;
}

// Fills in what depends on the op. What is wrong with the options; empty if nothing.
std::string complete(Arguments& a) {
  const bool experts = a.op == "experts", adapter = a.op == "adapter";
  if (a.model.path.empty() == a.op.empty()) return "bench needs either --model or --op.";
  if (a.type_name.empty()) a.type_name = experts ? "q4_k" : "q4_1";
  if (a.shape.empty()) a.shape = experts ? "768x2048" : adapter ? "5632x2048" : "1536x576";
  if (a.training && a.model.path.empty()) return "bench --training needs --model.";
  if (a.experts == 0) a.experts = adapter || a.training ? 6 : 128;
  if (a.rank == 0) a.rank = a.training ? 8 : 24;
  if (a.used == 0) a.used = adapter || a.training ? 2 : 8;
  if (a.rows.empty() && adapter) a.rows = {1, 512};
  if (a.rows.empty() && experts && a.share == 1) a.rows = {1, 4, 8, 32, 64, 128, 512};
  if (a.rows.empty()) a.rows = {experts ? a.share : 1};
  const auto type = dtype_from_name(a.type_name);
  if (!type) return join("\"", a.type_name, "\" is not a type; try f16, q8_0, q4_0, q4_1, q4_k, q6_k.");
  a.type = *type;
  char rest = 0;
  if (std::sscanf(a.shape.c_str(), "%" SCNd64 "x%" SCNd64 "%c", &a.outputs, &a.columns, &rest) != 2 || a.outputs < 1 ||
      a.columns < 1)
    return join("--shape is OUTPUTSxCOLUMNS, such as 1536x576; \"", a.shape, "\" was given.");
  if (a.used > a.experts) return join("--used is ", a.used, ", but there are ", a.experts, " experts.");
  for (const int64_t rows : a.rows)
    if (experts && rows % a.share) return join("--share is ", a.share, ", which does not divide ", rows, " rows.");
  return "";
}

Result<std::vector<BenchLine>> op_lines(Device& device, const Arguments& a) {
  KernelLibrary kernels;
  LK_ASSIGN(const BenchLine peak, bench_peak(device, kernels, a.seconds));
  std::vector<BenchLine> lines{peak};
  const auto lines_of = [&](int64_t rows) {
    if (a.op == "route") return bench_route(device, kernels, {a.experts, a.used, rows, a.seconds});
    if (a.op == "attention")
      return bench_attention(device, kernels,
                             {.kv = a.model.session().kv,
                              .heads = a.heads,
                              .kv_heads = a.kv_heads,
                              .head_dim = a.head_dim,
                              .rows = rows,
                              .context = a.model.context > 0 ? a.model.context : 512,
                              .seconds = a.seconds});
    if (a.op == "adapter") {
      const AdapterBench what{a.type, a.outputs, a.columns, rows, a.experts, a.used, a.rank, a.seconds};
      return a.profile ? profile_adapter(device, kernels, what) : bench_adapter(device, kernels, what);
    }
    if (a.op == "experts")
      return bench_experts(device, kernels,
                           {a.type, a.experts, a.used, rows, a.share, a.outputs, a.columns, a.seconds});
    return bench_matmul(device, kernels, {a.type, rows, a.outputs, a.columns, a.seconds});
  };
  for (const int64_t rows : a.rows) {
    LK_ASSIGN(const auto more, lines_of(rows));
    lines.insert(lines.end(), more.begin(), more.end());
  }
  return lines;
}

Status run(const Arguments& a) {
  LK_ASSIGN(Device device, a.model.device.open());
  LK_ASSIGN(const auto lines, a.op.empty() ? model_lines(device, a) : op_lines(device, a));
  const double peak = lines.front().what.starts_with("register") ? lines.front().gflops() : 0;
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const BenchLine& line : lines) all.push_back(json(line, peak));
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
  command
      ->add_option("--op", a->op,
                   "Time the choices of one op instead of a model: matmul, experts, route, attention; or a layer "
                   "with an adapter: adapter")
      ->option_text("OP")
      ->check(CLI::IsMember({"matmul", "experts", "route", "attention", "adapter"}));
  command
      ->add_option("--type", a->type_name,
                   "matmul, experts, adapter: weight type; q4_1, and q4_k for experts. Example: --type f16")
      ->option_text("TYPE");
  command
      ->add_option("--shape", a->shape,
                   "matmul, experts, adapter: the weight of one product; 1536x576, for experts 768x2048, for adapter "
                   "5632x2048.\nExample: --shape 4096x4096")
      ->option_text("OUTPUTSxCOLUMNS");
  command
      ->add_option("--rows", a->rows,
                   "with --op: rows of the input, several for a line each; 1, for experts from 1 to 512, for adapter 1 "
                   "and 512.\nExample: "
                   "--rows 1 32 128")
      ->option_text("N ...")
      ->check(CLI::Range(1, 4096));
  const auto count = [&](const char* name, int64_t& value, int64_t most, const char* meaning) {
    command->add_option(name, value, meaning)->option_text("N")->check(CLI::Range(int64_t(1), most));
  };
  count("--experts", a->experts, 1024,
        "experts, route, adapter, training: how many there are; 128, for the last two 6 (training, 1: a plain LoRA)");
  count("--used", a->used, 1024, "experts, route, adapter: how many a row takes; 8, for adapter 2");
  count("--rank", a->rank, 1024, "adapter, training: of its experts; 24, for training 8");
  count("--share", a->share, 4096, "experts: neighbouring rows that share their routing; 1");
  count("--heads", a->heads, 1024,
        "attention: heads of the queries, 32; positions by --context, else 512; cache by --kv");
  count("--kv-heads", a->kv_heads, 1024, "attention: heads of the cache; 8");
  count("--head-dim", a->head_dim, 1024, "attention: elements of a head; 128");
  command->add_option("--prompt", a->prompt, "Tokens of the prompt")->capture_default_str()->check(CLI::Range(1, 512));
  command->add_option("--generate", a->generate, "Tokens to generate")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  command->add_option("--seconds", a->seconds, "Time spent on each line")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 600.0));
  command->add_flag("--tune", a->tune, "Time every choice of the model's products and remember the fastest");
  command->add_flag("--profile", a->profile,
                    "Time each kernel of the model's plans, of a step of training, or of the adapter");
  command->add_flag("--training", a->training,
                    "Time a step of fine-tuning DynMoLE on the feed-forward layers, 4 x 256 tokens, beside a forward "
                    "pass");
  command->add_flag("--json", a->json, "One JSON object");
  command->footer(
      "Examples:\n  lorikeet bench -m model.gguf\n  lorikeet bench -m model.gguf --tune\n"
      "  lorikeet bench -m model.gguf --profile\n  lorikeet bench -m model.gguf --training\n  lorikeet bench --op "
      "matmul --type q8_0 --shape 4096x4096 --rows "
      "128\n  lorikeet bench --op experts --experts 60 --used 4 --shape 1408x2048 --type q8_0\n"
      "  lorikeet bench --op experts --experts 6 --used 6 --share 577 --shape 4096x4096 --type q4_0\n"
      "  lorikeet bench --op route --experts 256 --used 8 --rows 128\n"
      "  lorikeet bench --op attention --heads 9 --kv-heads 3 --head-dim 64 --context 2048 --kv f16\n"
      "  lorikeet bench --op adapter --experts 6 --used 2 --rank 24 --shape 5632x2048 --rows 1 512");
  command->callback([a, &job] {
    if (const std::string wrong = complete(*a); !wrong.empty()) throw CLI::ValidationError(wrong);
    job = [a] { return run(*a); };
  });
}

}  // namespace lorikeet::tool
