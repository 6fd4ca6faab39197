#include "frontend/bench.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "frontend/decoder.h"
#include "frontend/feed_forward.h"
#include "frontend/measure.h"
#include "runtime/base/text.h"
#include "runtime/graph/fuse.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/ops.h"
#include "runtime/plan/rig.h"
#include "runtime/plan/upload.h"
#include "shaders/fma_peak.h"

namespace lorikeet {
namespace {

// Keeps a graph's plan over the model's weights and memory of its own for everything else.
struct Bound {
  std::unique_ptr<Buffer> inputs, scratch;
  std::unique_ptr<Plan> plan;
};

Result<Bound> bind_graph(Model& model, const Graph& graph, int64_t input_bytes, const std::string& choice = {}) {
  Device& device = model.device();
  LK_ASSIGN(Draft drafted, draft(graph, {.profile = &device.profile(),
                                         .table = &model.choices(),
                                         .kernels = &model.kernels(),
                                         .forced_choice = choice}));
  Bound bound;
  LK_ASSIGN(Buffer inputs, device.create_buffer({uint64_t(input_bytes), MemoryUse::device, "bench inputs"}));
  LK_ASSIGN(Buffer scratch,
            device.create_buffer({std::max<uint64_t>(drafted.scratch_bytes, 256), MemoryUse::device, "bench scratch"}));
  bound.inputs = std::make_unique<Buffer>(std::move(inputs));
  bound.scratch = std::make_unique<Buffer>(std::move(scratch));
  // Whatever lay there might be subnormal, which some processors multiply a hundred times slower.
  for (const Buffer* buffer : {bound.inputs.get(), bound.scratch.get()}) {
    const std::vector<float> ordinary(buffer->size() / 4, 0.5f);
    LK_ASSIGN(Uploader uploader, Uploader::create(device, buffer->size(), 1));
    LK_TRY(uploader.write({buffer, 0, buffer->size()}, std::as_bytes(std::span(ordinary))));
    LK_TRY(uploader.finish());
  }
  const auto storage = [&](const GraphTensor& info) -> Result<std::vector<Slice>> {
    if (info.kind == TensorKind::weight) return model.storage(info);
    return std::vector<Slice>{{bound.inputs.get(), 0, bound.inputs->size()}};
  };
  LK_ASSIGN(Plan plan, Plan::create(device, model.kernels(), graph, std::move(drafted),
                                    {"bench", storage, {bound.scratch.get(), 0, bound.scratch->size()}}));
  bound.plan = std::make_unique<Plan>(std::move(plan));
  return bound;
}

Result<double> time_plan(Device& device, Plan& plan, double seconds) {
  return fastest(seconds, [&]() -> Status {
    LK_ASSIGN(const Ticket ticket, plan.submit());
    return device.wait(ticket);
  });
}

// The part of a weight that `rows` rows read at most, and that each of them is multiplied with: slices that a factored
// model does not choose are not.
double share_of(const Model& model, const Weight& weight, uint32_t active, int64_t rows = 1) {
  const auto& factor = model.config().factor;
  if (!factor || !is_expert_weight(weight.role)) return 1;
  return factor->share(model.config().layers, active, rows);
}

double weight_bytes(const Model& model, bool head_only, const BenchChain& chain) {
  double bytes = 0;
  for (const Weight& weight : model.weights().weights()) {
    const bool head = weight.role == WeightRole::output ||
                      (weight.role == WeightRole::token_embedding && model.config().tied_embeddings);
    if (weight.shape.rank() < 2 || (weight.role == WeightRole::token_embedding && !head)) continue;
    if (head == head_only)
      bytes += double(packed_bytes(weight.type, weight.shape.rows(), weight.shape.columns())) *
               share_of(model, weight, chain.active, chain.rows);
  }
  return bytes;
}

}  // namespace

std::vector<int32_t> sample_tokens(const Model& model, int64_t count) {
  std::mt19937_64 random(11);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) tokens.push_back(int32_t(random() % model.config().vocabulary));
  return tokens;
}

double product_flops(const Model& model, bool head_only, uint32_t active) {
  double flops = 0;
  for (const Weight& weight : model.weights().weights()) {
    const bool head = weight.role == WeightRole::output ||
                      (weight.role == WeightRole::token_embedding && model.config().tied_embeddings);
    if (weight.shape.rank() < 2 || (weight.role == WeightRole::token_embedding && !head)) continue;
    if (head == head_only) flops += 2.0 * double(weight.shape.elements()) * share_of(model, weight, active);
  }
  return flops;
}

Result<BenchLine> bench_peak(Device& device, KernelLibrary& kernels, double seconds) {
  static const Op kPeak{
      "fma_peak",
      [](Inputs, const Attributes& a) -> Result<Shapes> {
        return Shapes{{DType::f32, {a.integer("lanes")}}};
      },
      [](const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
        const shader::FmaPeakParams params{uint32_t(node.attributes.integer("turns")), 0.999f, 0.001f};
        Choice choice{.name = "plain"};
        Dispatch dispatch{
            .kernel = "fma_peak", .operands = {Operand::of(node.outputs[0])}, .params = params_bytes(params)};
        dispatch.groups.x = groups_for(node.outputs[0].shape.elements(), shader::kFmaPeakLanes);
        choice.dispatches.push_back(dispatch);
        choices.push_back(choice);
      }};
  constexpr int64_t kTurns = 4000;  // few enough for drivers that end long loops
  const int64_t lanes = device.profile().kind == DeviceKind::cpu ? 64 * 64 : 64 * 4096;
  Graph graph;
  graph.keep(graph.apply(kPeak, {}, {{"turns", kTurns}, {"lanes", lanes}})[0], "y");
  LK_ASSIGN(Rig rig, Rig::create(device, kernels, graph, {}));
  LK_ASSIGN(const double ms, fastest(seconds, [&] { return rig.run(); }));
  return BenchLine{"register-only multiply-add", ms,
                   2.0 * double(shader::kFmaPeakPerTurn) * double(kTurns) * double(lanes)};
}

Result<BenchLine> bench_chain(Model& model, const BenchChain& chain) {
  const DecoderConfig& config = model.config();
  const int64_t rows = chain.rows, head_rows = chain.head_rows;
  Graph g;
  const auto input = [&](int64_t count, int64_t columns) {
    return g.input(join("x.", count, ".", columns), DType::f32, {count, columns});
  };
  const Tensor hidden = input(rows, config.hidden), attended = input(rows, int64_t(config.heads) * config.head_dim),
               gated = input(rows, config.intermediate);
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    const auto w = [&](WeightRole role) { return model.weights().tensor(g, role, layer); };
    // Neighbours in one storage become one product, as in the model's plans.
    const Tensor q = w(WeightRole::q), k = w(WeightRole::k), v = w(WeightRole::v);
    const bool one = g.info(q).storage.name == g.info(v).storage.name && q.shape.rows() % kGroupRows == 0 &&
                     k.shape.rows() % kGroupRows == 0;
    if (one) {
      matmul(g, hidden, g.add_weight_view(q, {q.shape.rows() + k.shape.rows() + v.shape.rows(), config.hidden}));
    } else {
      for (const Tensor& weight : {q, k, v}) matmul(g, hidden, weight);
    }
    matmul(g, attended, w(WeightRole::o));
    if (config.factor) {
      write_factored(g, *config.factor, gated_experts(g, config, model.weights(), WeightRole::slice_gate, layer),
                     {.x = hidden,
                      .router = w(WeightRole::slice_router),
                      .bias = w(WeightRole::slice_router_bias),
                      .active = config.factor->active_in(layer, chain.active)});
      continue;
    }
    const Tensor gate = w(WeightRole::gate), up = w(WeightRole::up);
    if (g.info(gate).storage.name == g.info(up).storage.name) {
      const int64_t i = gate.shape.rows();
      fused_matmul(
          g, {.x = hidden, .weight = g.add_weight_view(gate, {padded_rows(i) + i, config.hidden}), .gated_rows = i});
    } else {
      for (const Tensor& weight : {gate, up}) matmul(g, hidden, weight);
    }
    matmul(g, gated, w(WeightRole::down));
  }
  const Tensor head = model.weights().tensor(g, WeightRole::output);
  g.keep(
      matmul(g, input(head_rows, config.hidden), head ? head : model.weights().tensor(g, WeightRole::token_embedding)),
      "logits");
  if (g.error()) return *g.error();
  const int64_t widest =
      std::max<int64_t>({config.hidden, int64_t(config.heads) * config.head_dim, config.intermediate});
  LK_ASSIGN(Bound bound, bind_graph(model, g, std::max(rows, head_rows) * widest * 4));
  LK_ASSIGN(const double ms, time_plan(model.device(), *bound.plan, chain.seconds));
  return BenchLine{join("chain of products, ", rows, rows == 1 ? " row" : " rows"), ms,
                   product_flops(model, false, chain.active) * double(rows) +
                       product_flops(model, true, chain.active) * double(head_rows),
                   weight_bytes(model, false, chain) + weight_bytes(model, true, chain), double(rows)};
}

Result<std::vector<BenchLine>> bench_model(Model& model, const BenchOptions& options) {
  // Verify: the same log-probabilities as plain ops.
  const auto tokens = sample_tokens(model, 24);
  SessionOptions plain_options = options.session;
  plain_options.fuse = false;
  plain_options.reproducible = true;
  std::vector<float> expected;
  {
    LK_ASSIGN(Session plain, Session::create(model, plain_options));
    LK_ASSIGN(expected, plain.log_probs(0, tokens));
  }
  LK_ASSIGN(Session session, Session::create(model, options.session));
  LK_ASSIGN(const auto got, session.log_probs(0, tokens));
  const double error = nmse(got, expected);
  LK_ASSIGN(const Plan* read, session.read_plan(int64_t(tokens.size())));
  const double limit = std::max(options.session.kv == DType::f16 ? 5e-4 : 1e-6, read->counts().tolerance);
  if (!(error <= limit))
    return Error{ErrorCode::internal,
                 join("[bench] the fused plan's log-probabilities differ from the plain one's: nmse ", error,
                      ", allowed ", limit, "."),
                 {}};

  std::vector<BenchLine> lines;
  const std::string note = join("nmse ", error, " against unfused");
  const auto prompt = sample_tokens(model, options.prompt + 1);
  LK_ASSIGN(const double prompt_ms, fastest(options.seconds, [&]() -> Status {
              session.clear(0);
              return session.set_tokens(0, prompt);
            }));
  LK_ASSIGN(const Plan* decode, session.decode_plan());
  const uint32_t active = options.session.active;
  const double layers_flops = product_flops(model, false, active);
  lines.push_back({join("prompt ", options.prompt), prompt_ms, layers_flops * double(options.prompt), 0,
                   double(options.prompt), note});
  GenerateRequest request{.max_tokens = uint32_t(options.generate)};
  LK_ASSIGN(const double generate_ms, fastest(options.seconds, [&]() -> Status {
              LK_TRY(session.set_tokens(0, std::span(prompt).first(8)));
              return session.generate(std::span(&request, 1), {}).ok()
                         ? Status(Done{})
                         : Error{ErrorCode::internal, "[bench] generation failed.", {}};
            }));
  lines.push_back({"generation", generate_ms / double(options.generate),
                   layers_flops + product_flops(model, true, active), double(decode->counts().bytes), 1, note});
  return lines;
}

void add_kernel_lines(std::vector<BenchLine>& lines, const std::string& what, const Plan& plan) {
  const auto timings = plan.timings();
  std::map<std::string, BenchLine> by_kernel;
  std::map<std::string, int> dispatches;
  for (size_t i = 0; i < timings.size(); ++i) {
    const PlannedDispatch& item = plan.draft().dispatches[i];
    BenchLine& line = by_kernel[item.dispatch.kernel];
    line.milliseconds += timings[i];
    line.flops += item.dispatch.flops;
    line.bytes += double(item.dispatch.bytes);
    ++dispatches[item.dispatch.kernel];
  }
  const size_t first = lines.size();
  for (auto& [kernel, line] : by_kernel) {
    line.what = join(what, " ", kernel);
    line.note = join(dispatches[kernel], dispatches[kernel] == 1 ? " dispatch" : " dispatches");
    lines.push_back(line);
  }
  std::sort(lines.begin() + std::ptrdiff_t(first), lines.end(),
            [](const BenchLine& a, const BenchLine& b) { return a.milliseconds > b.milliseconds; });
}

Result<std::vector<BenchLine>> bench_profile(Model& model, const BenchOptions& options) {
  if (!model.device().profile().timestamps)
    return unsupported("[bench] This device has no timestamps, so its kernels cannot be timed one by one.");
  SessionOptions timed = options.session;
  timed.timestamps = true;
  LK_ASSIGN(Session session, Session::create(model, timed));
  std::vector<BenchLine> lines;
  const auto prompt = sample_tokens(model, options.prompt + 1);
  const GenerateRequest request{.max_tokens = uint32_t(options.generate)};
  for (int run = 0; run < 2; ++run) {  // the second one is warm
    session.clear(0);
    LK_TRY(session.set_tokens(0, prompt));
    if (auto answer = session.generate(std::span(&request, 1), {}); !answer) return std::move(answer).error();
  }
  LK_ASSIGN(const Plan* read, session.read_plan(options.prompt));
  add_kernel_lines(lines, "prompt", *read);
  LK_ASSIGN(const Plan* generate, session.decode_plan());
  add_kernel_lines(lines, "generate", *generate);
  return lines;
}

// Runs a plan once and reads its kept result "y".
static Result<std::vector<float>> result_of(Device& device, Plan& plan) {
  LK_ASSIGN(const Ticket ticket, plan.submit());
  LK_TRY(device.wait(ticket));
  LK_ASSIGN(const Slice slice, plan.output("y"));
  LK_ASSIGN(const std::vector<std::byte> bytes, download(device, slice));
  std::vector<float> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), values.size() * 4);
  return values;
}

Result<std::vector<BenchLine>> tune(Model& model, double seconds) {
  std::map<std::string, bool> seen;
  std::vector<BenchLine> lines;
  for (int64_t rows : {1, 4, 32, 128}) {
    const DecoderShape shape{.rows = rows,
                             .head = Head::logits,
                             .wanted = rows,
                             .sizes = {.places = 32, .control_words = 4096, .kv_limit = 32}};
    Graph whole = build_decoder(model.config(), model.weights(), shape);
    fuse(whole, model.device().profile());
    if (whole.error()) return *whole.error();
    for (const Node& node : whole.nodes()) {
      if (node.op->name != "matmul" || !seen.emplace(ChoiceTable::key(whole, node), true).second) continue;
      // The node alone, with the model's weights.
      Graph single = whole;
      single.replace_nodes({node});
      single.keep(node.outputs[0], "y");
      Choices choices;
      node.op->lower(single, node, model.device().profile(), choices);
      BenchLine best{.milliseconds = INFINITY};
      std::vector<float> expected;
      for (auto it = choices.rbegin(); it != choices.rend();
           ++it) {  // the plain one first: the others are compared with it
        const Choice& choice = *it;
        if (model.choices().quarantined(ChoiceTable::family(single, node), choice.name)) continue;
        LK_ASSIGN(Bound bound, bind_graph(model, single, 256, choice.name));
        LK_ASSIGN(const auto got, result_of(model.device(), *bound.plan));
        if (expected.empty()) expected = got;
        if (!(nmse(got, expected) <= choice.tolerance)) continue;  // for the doctor to say
        LK_ASSIGN(const double ms, time_plan(model.device(), *bound.plan, seconds));
        if (ms < best.milliseconds)
          best = {
              join(ChoiceTable::key(whole, node), " -> ", choice.name),
              ms,
              2.0 * double(node.inputs[0].shape.rows() * node.inputs[1].shape.elements()),
              double(packed_bytes(node.inputs[1].dtype, node.inputs[1].shape.rows(), node.inputs[1].shape.columns())),
              0,
              choice.name};
      }
      model.choices().prefer(ChoiceTable::key(whole, node), best.note, best.milliseconds);
      lines.push_back(best);
    }
  }
  LK_TRY(model.choices().save());
  return lines;
}

}  // namespace lorikeet
