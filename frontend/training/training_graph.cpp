#include "frontend/training/training_graph.h"

#include <algorithm>
#include <cmath>

#include "frontend/adapters/adapter_loss.h"
#include "frontend/decoder_layers.h"
#include "frontend/families/resolve.h"
#include "frontend/training/batch_pictures.h"
#include "frontend/vision.h"
#include "runtime/base/text.h"
#include "runtime/graph/gradient.h"
#include "runtime/ops/ops.h"
#include "shaders/adamw.h"

namespace lorikeet {
namespace {

// What the tower makes of the pictures, one after the other: (pictures * V, T); or where it learns all its rows.
Tensor write_features(Graph& g, const PictureConfig& p, const WeightTable& weights, const TrainingShape& shape,
                      bool learns) {
  if (!learns) return g.state("features", DType::f32, {shape.pictures * p.visual_tokens(), p.tower_hidden});
  const int64_t rows = shape.pictures * p.positions();
  const auto list = [&](const char* name) { return g.state(name, DType::u32, {wanted_list_words(rows)}); };
  return write_towers(g, p, weights,
                      {.pictures = shape.pictures,
                       .pixels = g.state("pixels", DType::f32, {p.channels, shape.pictures * p.side, p.side}),
                       .tokens = list("tower.tokens"),
                       .positions = list("tower.positions"),
                       .spans = g.state("tower.spans", DType::u32, {rows, 4})});
}

// The visual tokens of all conversations about pictures, one after the other: the projected tokens of their pictures,
// which become their own by their questions.
Tensor write_pictures(Graph& g, const DecoderConfig& config, const WeightTable& weights, const TrainingRecipe& recipe,
                      const TrainingShape& shape, bool learns) {
  const PictureConfig& p = *config.picture;
  const int64_t tokens = p.visual_tokens(), rows = shape.questions * tokens;
  const Tensor projected = write_projector(g, weights, write_features(g, p, weights, shape, learns));
  const Tensor shown = g.state("shown", DType::u32, {wanted_list_words(rows)});
  const Tensor all = gather_rows(g, projected, shown, rows);  // (questions * V, hidden)
  if (!p.use_experts || recipe.bypass_experts) return all;
  const Tensor firsts = g.state("classes", DType::u32, {wanted_list_words(shape.questions)});
  return write_visual_experts(g, config, weights,
                              {.projected = all,
                               .classes = gather_rows(g, all, firsts, shape.questions),
                               .control = g.state("asked", DType::u32, {shape.text_words}),
                               .text_rows = shape.text_rows})
      .visual;
}

// Whether an op reads the state: batches without pictures go past the projector and the visual experts.
bool is_read(const Graph& g, const Tensor& state) {
  for (const Node& node : g.nodes())
    for (const Tensor& input : node.inputs)
      for (int32_t id = input.id; id >= 0; id = g.tensors()[size_t(id)].alias_of)
        if (id == state.id) return true;
  return false;
}

bool is_router(const DecoderConfig& config, const Parameter& parameter) {
  for (uint32_t layer = 0; layer < config.layers; ++layer)
    for (const WeightRole role : {WeightRole::slice_router, WeightRole::slice_router_bias})
      if (parameter.name == weight_name(*config.family, role, layer, Naming::gguf)) return true;
  return false;
}

}  // namespace

bool learns_words(const DecoderConfig& config, const TrainingRecipe& recipe, std::span<const Parameter> parameters) {
  return !recipe.routers || !std::all_of(parameters.begin(), parameters.end(),
                                         [&](const Parameter& parameter) { return is_router(config, parameter); });
}

bool trains_tower(const WeightTable& weights, std::span<const Parameter> parameters) {
  for (const Weight& weight : weights.weights())
    for (const Parameter& parameter : parameters)
      if (parameter.name == weight.name && is_of_tower(weight.role)) return true;
  return false;
}

Graph build_training_pass(const DecoderConfig& config, const WeightTable& weights, const TrainingRecipe& recipe,
                          std::span<const Parameter> parameters, const TrainingShape& shape) {
  Graph g;
  const auto of_rows = [&](const char* name) { return g.state(name, DType::f32, {shape.rows}); };
  const Tensor control = g.state("control", DType::u32, {shape.control_words});
  const Tensor spans = g.state("spans", DType::u32, {shape.rows, 4});
  // Whoever asks for a tensor of a parameter's name gets the parameter.
  for (const Parameter& parameter : parameters) g.state(parameter.name, DType::f32, parameter.shape);
  const auto weight = [&](WeightRole role, uint32_t layer = 0) { return weights.tensor(g, role, layer); };
  const Tensor visual =
      shape.pictures ? write_pictures(g, config, weights, recipe, shape, trains_tower(weights, parameters)) : Tensor{};
  const Tensor embedding = weight(WeightRole::token_embedding);  // (vocabulary, hidden)

  std::vector<AdapterInGraph> adapters;
  if (recipe.adapter) adapters.push_back(*recipe.adapter);
  if (recipe.adapter && recipe.dropout) adapters.front().seed = g.state("seed", DType::u32, {3});
  AdapterWriter writer(g, adapters, control);
  g.label("embed");
  const Tensor embedded = embed(g, embedding, control, shape.rows, visual);  // (rows, hidden)
  const auto attend = [&](uint32_t, Tensor q, Tensor k, Tensor v) {
    return span_attention(g, q, k, v, spans,
                          {.heads = config.heads,
                           .kv_heads = config.kv_heads,
                           .head_dim = config.head_dim,
                           .scale = 1.0 / std::sqrt(double(config.head_dim))});
  };
  DecoderLayers layers{
      .config = &config,
      .weight = weight,
      .control = control,
      .frequencies = weights.rope_frequencies(g),
      .attend = attend,
      .adapters = recipe.adapter ? &writer : nullptr,
      .experts = [&](uint32_t layer) { return gated_experts(g, config, weights, WeightRole::slice_gate, layer); }};
  if (recipe.keep_neurons)
    layers.neurons = [&](uint32_t layer, Tensor neurons) { g.keep(neurons, join("neurons.", layer)); };
  std::optional<PriorApproximation> routers;
  if (recipe.routers) {
    routers.emplace(g, *config.factor, *recipe.routers, of_rows("counted"));
    layers.factored = [&](const GatedExperts& experts, const FactoredInput& input) {
      return routers->write(experts, input);
    };
  }
  const Tensor h = write_layers(g, embedded, layers);  // (rows, hidden)
  Tensor teacher;
  if (recipe.distil) {
    layers.active = config.factor->experts;
    layers.factored = nullptr;
    layers.experts = [&](uint32_t layer) { return frozen_experts(g, config, weights, WeightRole::slice_gate, layer); };
    teacher = write_layers(g, embedded, layers);  // (rows, hidden)
  }
  g.label("output");
  const bool words = shape.gradients && learns_words(config, recipe, parameters);
  const Tensor head = weight(WeightRole::output);
  const bool all = shape.learnt == shape.rows;
  const auto said = [&](Tensor x) {
    if (!all) x = gather_rows(g, x, g.state("learnt", DType::u32, {wanted_list_words(shape.learnt)}), shape.learnt);
    return rms_norm(g, x, weight(WeightRole::output_norm), config.rms_eps);  // (learnt, hidden)
  };
  const Tensor loss =
      cross_entropy(g, {.x = said(h),
                        .head = head ? head : embedding,
                        .target = g.state("target", DType::u32, {shape.learnt}),
                        .weights = g.state("loss_weights", DType::f32, {shape.learnt}),
                        .teacher = teacher ? said(teacher) : Tensor{},
                        .x_wanted = words,
                        .head_wanted = words && g.info(head ? head : embedding).kind == TensorKind::state});
  Tensor aux;
  if (recipe.adapter && recipe.aux_loss)
    aux = adapter_loss(g, *recipe.adapter->config, writer.routed(),
                       {.counted = of_rows("counted"), .balanced = of_rows("balanced")});
  if (routers) aux = routers->loss();
  g.label("loss");
  g.keep(aux ? aux : fill(g, 1, 0), "aux");
  const Tensor whole = !aux ? loss : words ? add(g, loss, aux) : aux;
  g.keep(loss, "cross_entropy");

  if (!shape.gradients) return g;
  Tensors wanted, gradients(parameters.size());
  std::vector<size_t> places;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!is_read(g, g.find(parameters[i].name))) continue;
    wanted.push_back(g.find(parameters[i].name));
    places.push_back(i);
  }
  const Tensors found = differentiate(g, whole, wanted, recipe.recompute);
  for (size_t i = 0; i < places.size(); ++i) gradients[places[i]] = found[i];
  const Tensor fresh = g.state("fresh", DType::u32, {1});
  g.label("accumulate");
  for (size_t i = 0; i < parameters.size(); ++i)
    accumulate(g, g.state(parameters[i].name + ".gradient", DType::f32, parameters[i].shape),
               gradients[i] ? gradients[i] : fill(g, parameters[i].shape.elements(), 0), fresh);
  return g;
}

Graph build_training_update(std::span<const Parameter> parameters, const Adamw& optimiser) {
  Graph g;
  const Tensor step = g.state("step", DType::f32, {int64_t(shader::kStepFloats)});
  Tensors gradients;
  Tensor squares;
  g.label("norm");
  for (const Parameter& parameter : parameters) {
    gradients.push_back(g.state(parameter.name + ".gradient", DType::f32, parameter.shape));
    const Tensor part = sum_squares(g, gradients.back());
    squares = squares ? add(g, squares, part) : part;
  }
  g.keep(squares, "squares");
  g.label("update");
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto state = [&](const char* part) {
      return g.state(parameters[i].name + part, DType::f32, parameters[i].shape);
    };
    Adamw own = optimiser;
    if (!parameters[i].decays) own.decay = 0;
    adamw(g,
          {.parameter = state(""),
           .gradient = gradients[i],
           .momentum = state(".momentum"),
           .variance = state(".variance"),
           .step = step,
           .squares = squares},
          own);
  }
  return g;
}

}  // namespace lorikeet
