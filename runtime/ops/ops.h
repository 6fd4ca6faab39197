// The catalogue of ops: the front function of every op, grouped. Each appends one node to the graph; its C++ file,
// shader, params header and test share its name. Activations are f32, row-major. `control` is the control table
// (shaders/control.h) as a state tensor of u32 words.
#pragma once

#include "runtime/graph/graph.h"

namespace lorikeet {

// --- tokens and rows -------------------------------------------------------------------------------------------------

// y[r] = table[token of row r]; table is a packed (vocabulary, hidden) weight.               -> (rows, hidden)
// Rows that the control table marks as visual take row `token` of `visual` instead: a state (visual rows, hidden).
Tensor embed(Graph& g, Tensor table, Tensor control, int64_t rows, Tensor visual = {});
// y[i] = x[row that the wanted list names at i], for i < count.                              -> (count, columns)
Tensor gather_rows(Graph& g, Tensor x, Tensor control, int64_t count);

// Rows first .. first + count - 1 of x; zeros where x has none. An alias where devices can bind one. -> (count,
// columns)
Tensor take_rows(Graph& g, Tensor x, int64_t first, int64_t count);
// The rows of a, then those of b; both (_, columns).
Tensor concat_rows(Graph& g, Tensor a, Tensor b);

// --- pictures --------------------------------------------------------------------------------------------------------

// The squares of a picture as rows, left to right and top to bottom, each in the order of a convolution's weight:
// channel, y, x. pixels (channels, height, width); sides are multiples of `size`.  -> (squares, channels * size * size)
Tensor patches(Graph& g, Tensor pixels, int64_t size);
// Visual-text cross-attention (Parrot): attention = softmax(query text^T / sqrt(H)) over those rows of a query's text
// that are in use by the control table; pooled = attention text. query (queries, H), text (queries * rows, H), one
// query's rows after the other's. Attention of the other rows is 0.
struct CrossAttention {
  Tensor attention;  // (queries, rows)
  Tensor pooled;     // (queries, H)
};
CrossAttention cross_attention(Graph& g, Tensor query, Tensor text, Tensor control);

// --- norms -----------------------------------------------------------------------------------------------------------

// y = x / sqrt(mean(x^2) + eps) * weight, over the last axis.
Tensor rms_norm(Graph& g, Tensor x, Tensor weight, double eps);
// y = (x - mean) / sqrt(variance + eps) * weight + bias, over the last axis; variance is the biased one.
Tensor layer_norm(Graph& g, Tensor x, Tensor weight, Tensor bias, double eps);

// --- products --------------------------------------------------------------------------------------------------------

// y = x weight^T + bias. x (rows, k); weight packed (n, k) of any weight type, or a trained state (n, k) of plain f32;
// bias (n) or absent.                                                                               -> (rows, n)
Tensor matmul(Graph& g, Tensor x, Tensor weight, Tensor bias = {});

// A product of matrices that are not packed: y = op(a) op(b) + addend, with op(a) (m, k) and op(b) (k, n). All are
// plain f32; a transposed matrix lies in memory as (k, m), or (n, k).                                              ->
// (m, n)
struct Gemm {
  Tensor a, b, addend;
  bool transpose_a = false, transpose_b = false;  // not both
};
Tensor gemm(Graph& g, const Gemm& parts);

// What `fuse` turns products into. Absent parts are empty tensors.
//   u = norm_weight ? rms_norm(x, norm_weight, norm_eps) : x
//   gated_rows == 0:  y = u weight^T + bias + residual                                        -> (rows, n)
//   gated_rows == i:  the weight is gate (i rows, padded to 32) then up (i rows);
//                     y = silu(u gate^T) * (u up^T)                                           -> (rows, i)
struct FusedMatmul {
  Tensor x, weight, bias, residual, norm_weight;
  double norm_eps = 0;
  int64_t gated_rows = 0;
};
Tensor fused_matmul(Graph& g, const FusedMatmul& parts);

// --- positions and attention -----------------------------------------------------------------------------------------

// Rotary embedding by the row's position (RoFormer, section 3.2.2). x (rows, heads * head_dim); frequencies
// (head_dim / 2) f32: angle = position * frequency; cos and sin are multiplied by `factor`.
//   interleaved = false: pairs (i, i + head_dim / 2), Hugging Face's order; true: pairs (2 i, 2 i + 1).
struct RopeAttributes {
  int64_t heads = 0;
  int64_t head_dim = 0;
  bool interleaved = false;
  double factor = 1;
};
Tensor rope(Graph& g, Tensor x, Tensor frequencies, Tensor control, const RopeAttributes& a);
// cache_k[place], cache_v[place] = k[r], v[r], place by the cache table; padding rows and stopped slots write nothing.
// k, v (rows, kv_heads * head_dim); caches are states (places, kv_heads * head_dim), f32 or f16.
void kv_write(Graph& g, Tensor k, Tensor v, Tensor cache_k, Tensor cache_v, Tensor control);
// Fused: rope of q and k, then kv_write. qkv (rows, (heads + 2 kv_heads) * head_dim).        -> q (rows, heads *
// head_dim)
struct RopeKvAttributes {
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  bool interleaved = false;
  double factor = 1;
};
Tensor rope_kv(Graph& g, Tensor qkv, Tensor frequencies, Tensor cache_k, Tensor cache_v, Tensor control,
               const RopeKvAttributes& a);
// Causal grouped-query attention of each row over its own conversation: softmax(scale q k^T) v over the positions
// max(0, position - window + 1) .. position (window 0: all). `kv_limit` bounds position + 1 for the plan's grid.
struct AttentionAttributes {
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  double scale = 0;
  int64_t window = 0;
  int64_t kv_limit = 0;
};
Tensor attention(Graph& g, Tensor q, Tensor cache_k, Tensor cache_v, Tensor control, const AttentionAttributes& a);
// Grouped-query attention among the rows themselves, without a cache: softmax(scale q k^T) v of each row over the keys
// of its span. q (rows, heads * head_dim); k, v (rows, kv_heads * head_dim); spans (rows, 4) u32: the first key and the
// end of the keys that the row may attend to, then the first row and the end of the rows that may attend to it: both of
// them must say so.
struct SpanAttentionAttributes {
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  double scale = 0;
};
Tensor span_attention(Graph& g, Tensor q, Tensor k, Tensor v, Tensor spans, const SpanAttentionAttributes& a);

// --- experts ---------------------------------------------------------------------------------------------------------
//
// The road of all mixtures of experts: route -> sort_rows -> expert_matmul -> expert_combine.

// How experts are chosen by p = softmax(scores), as numbers. An expert is chosen if it is among the `keep_k` likeliest,
// or among the `top_k` likeliest and within `top_p` and no less likely than `min_weight`. Of equals the first comes
// first.
struct RoutingPolicy {
  int64_t top_k = 0;  // 0: all
  int64_t keep_k = 0;
  double top_p = 0;       // > 0: experts in order of p as long as the sum of p does not exceed it; 0: off
  bool crossing = false;  // the expert whose p crosses top_p is chosen too
  double min_weight = 0;
  bool equal = false;        // the weight of a chosen expert is 1, otherwise p
  bool renormalise = false;  // the weights of a row sum up to 1 ...
  double scale = 1;          // ... before all are multiplied by this
  // Normalised entropy of p; above the threshold (0: off) all experts are chosen (DynMoLE, section 3).
  enum class Entropy { none, tsallis, renyi } entropy = Entropy::none;
  double entropy_index = 1;  // 1: Shannon's
  double entropy_eps = 0;    // added to every p
  double entropy_threshold = 0;
};
int64_t most_chosen(const RoutingPolicy& policy, int64_t experts);  // experts that a row may choose

struct Routing {
  Tensor weights;        // (rows, experts); 0: not chosen
  Tensor probabilities;  // (rows, experts)
  Tensor entropy;        // (rows); 0 without an entropy
};
Routing route(Graph& g, Tensor scores, const RoutingPolicy& policy);  // scores (rows, experts)

// The rows whose conversations use the adapter of this number (inverted: do not use it), zeros for the others.
Tensor mask_rows(Graph& g, Tensor x, Tensor control, int64_t adapter, bool inverted = false);

// Which rows each expert gets, as a work list (shaders/work_list.h). `share` rows of x share a row of the weights; a
// row has at most `most` weights that are not 0.
Tensor sort_rows(Graph& g, Tensor weights, int64_t share, int64_t most);

// The products of the rows that a work list gives each expert. A pair is an expert and a row, in order of experts, then
// of rows.   -> (pairs, outputs); gated: silu(x gate^T) * (x up^T) with the columns padded to 32 by zeros
struct ExpertMatmul {
  Tensor x;      // (rows, k), or by pair
  Tensor stack;  // (experts * expert_rows, k) packed: a storage of its own with expert_rows as block_rows, which is
                 // the outputs padded to 32; gated: twice that, gate rows and then up rows
  Tensor list;
  int64_t outputs = 0;  // of an expert
  bool gated = false;
  bool by_pair = false;  // x is (pairs, k)
};
Tensor expert_matmul(Graph& g, const ExpertMatmul& parts);

// y[r] = sum over the chosen experts in their order of weights[r, e] * outputs[pair of r and e]
//        + residual_scale * residual[r], if there is one.                                      -> (rows, columns)
// The list is of these weights, or of others that choose more experts.
struct ExpertCombine {
  Tensor outputs, weights, list, residual;
  bool weighted = true;  // false: the weights only say which experts are chosen
  double residual_scale = 1;
  // As references in bf16 add up: the residual first, then one expert after the other, rounded before and after each
  // addition (see round_bf16). Without a gradient.
  bool round_bf16 = false;
};
Tensor expert_combine(Graph& g, const ExpertCombine& parts);

// How far the output of each expert alone is from its share of the total, where every row has all experts:
//   errors[r, e] = mean over the columns of (outputs[pair of r and e] - share * total[r])^2
//   closeness[r, e] = -errors[r, e] / mean of the errors of the row
// outputs (pairs, columns), total (rows, columns). It has no gradient.
struct ExpertErrors {
  Tensor errors, closeness;  // (rows, experts)
};
ExpertErrors expert_errors(Graph& g, Tensor outputs, Tensor total, Tensor list, double share);

// The same for stacks of plain f32 matrices (experts, k, n), or with `transpose` (experts, n, k): LoRA experts, and
// experts that are trained. Such a stack must fit into one binding of the device.
//   y[pair] = scale * x[row of the pair] matrix of its expert + addend[pair]                         -> (pairs, n)
struct ExpertGemm {
  Tensor x, stack, list, addend;
  bool transpose = false;
  bool by_pair = false;  // x is (pairs, k)
  double scale = 1;
};
Tensor expert_gemm(Graph& g, const ExpertGemm& parts);

//   y[r] = base[r] + scale * sum over the chosen experts in their order of weights[r, e] * (x[pair] matrix of e)
// x (pairs, k); base (rows, n) or absent.                                                            -> (rows, n)
struct ExpertAccumulate {
  Tensor x, stack, weights, list, base;
  bool transpose = false;
  bool weighted = true;  // false: the weights only say which experts are chosen
  double scale = 1;
};
Tensor expert_accumulate(Graph& g, const ExpertAccumulate& parts);

// y[pair] = scale * weight of the pair * x[row of the pair if `gather`, otherwise the pair].           -> (pairs,
// columns)
struct ScalePairs {
  Tensor x, weights, list;
  bool gather = false;
  bool weighted = true;  // false: the weights only say which experts are chosen
  double scale = 1;
};
Tensor scale_pairs(Graph& g, const ScalePairs& parts);

// --- pointwise -------------------------------------------------------------------------------------------------------

Tensor add(Graph& g, Tensor a, Tensor b);
Tensor add_bias(Graph& g, Tensor x, Tensor bias);  // bias (columns) to every row of x (rows, columns)
Tensor mul(Graph& g, Tensor a, Tensor b);
Tensor silu_mul(Graph& g, Tensor gate, Tensor up);  // silu(gate) * up
enum class Gelu { erf, tanh, quick };               // quick: x / (1 + exp(-1.702 x))
Tensor gelu(Graph& g, Tensor x, Gelu kind);
// For plans that follow a reference whose results are bf16: y = x rounded to bf16, to nearest with ties to even, as
// f32; and silu(gate) * up with such a rounding after every operation. They have no gradients.
Tensor round_bf16(Graph& g, Tensor x);
Tensor silu_mul_bf16(Graph& g, Tensor gate, Tensor up);
// y = x * by * factor[0], if there is a factor.
Tensor scale(Graph& g, Tensor x, double by, Tensor factor = {});
Tensor fill(Graph& g, int64_t elements, double value);  // -> (elements)
Tensor sum_rows(Graph& g, Tensor x);                    // (rows, columns) -> (columns)

// --- the next token --------------------------------------------------------------------------------------------------

// Samples one token for each wanted row from its logits by the settings of the row's slot, in Hugging Face's order:
// bias, repetition penalty, temperature, top-k, top-p, min-p, then a draw by the slot's counter-based random number.
// Writes tokens[slot * ring + generated % ring], counts it, tests the stops, advances the rows that follow their slot,
// and adds the token to `seen` (slots, vocabulary / 32 words of bits; the penalised tokens).
// logits (count, vocabulary); logit_bias (slots, vocabulary) f32 or absent; tokens: a state (slots, ring) of u32.
struct SampleStates {
  Tensor control, seen, tokens, logit_bias;
};
void sample(Graph& g, Tensor logits, const SampleStates& states);
// Natural-log probability of target[i] under softmax(logits[i]).  logits (count, n), target (count) u32 -> (count)
Tensor log_prob(Graph& g, Tensor logits, Tensor target);

// --- losses ----------------------------------------------------------------------------------------------------------

// sum over the rows of weights[r] * -log softmax(x[r] head^T)[target[r]], without a matrix of all rows x vocabulary in
// memory: rows go in chunks, and where a gradient is wanted it is made in the same pass.              -> (1)
// x (rows, hidden); head (vocabulary, hidden), packed or trained; target (rows) u32; weights (rows), 0: not counted.
// With a teacher (rows, hidden) instead of the target: the sum of weights[r] * KL(softmax(teacher[r] head^T) ||
// softmax( x[r] head^T)), constant in the teacher.
struct CrossEntropy {
  Tensor x, head, target, weights, teacher;
  bool x_wanted = true, head_wanted = false;  // gradients to be had
  int64_t chunk_rows = 0;                     // 0: as many as 16 MiB of logits hold
};
Tensor cross_entropy(Graph& g, const CrossEntropy& parts);

// --- learning --------------------------------------------------------------------------------------------------------

// y = x / (1 - rate), zero with probability `rate`, by counter-based random numbers: seed (3) u32 are the two words of
// a seed and the number of the pass; `salt` tells the masks of one pass apart.
Tensor dropout(Graph& g, Tensor x, Tensor seed, double rate, int64_t salt);
// sum = x if fresh[0] is 1, otherwise sum += x; `sum` is a state, fresh (1) u32.
void accumulate(Graph& g, Tensor sum, Tensor x, Tensor fresh);
Tensor sum_squares(Graph& g, Tensor x);  // of all elements -> (1)

// One step of AdamW (Loshchilov and Hutter, 2019) in place, or, if not decoupled, of Adam with L2. The host writes
// `step` before each (shaders/adamw.h: learning rate, bias corrections, gradient scale); `squares` (1) is the sum of
// squares of all gradients, for clipping by global norm.
struct AdamwStates {
  Tensor parameter, gradient, momentum, variance, step, squares;
};
struct Adamw {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, decay = 0.01;
  double clip = 0;  // 0: off
  bool decoupled = true;
};
void adamw(Graph& g, const AdamwStates& states, const Adamw& a);

}  // namespace lorikeet
