/* A user of the C interface, in C99:  api_user MODEL,  api_user PARROT PICTURE QUESTION  or
 * api_user adapters BASE DYNMOLE LORA. MODEL has the tiny tokenizer of the tests, PARROT sees. */
#include <math.h>
#include <string.h>

#include "api_checks.h"

int failures = 0;

int32_t collect(void* user, int32_t token, const char* text, size_t size) {
  collected* c = user;
  if (token >= 0 && c->count < 256) c->ids[c->count++] = token;
  if (c->size + size < sizeof c->text) {
    memcpy(c->text + c->size, text, size);
    c->size += size;
  }
  if (c->to_cancel) lk_session_cancel(c->to_cancel);
  return c->limit != 0 && c->count >= c->limit;
}

static void count_line(void* user, const char* line) {
  (void)line;
  ++*(int*)user;
}

static void count_device(void* user, const lk_device_info* info) {
  if (info->size == sizeof *info && info->name[0] && info->reason[0]) ++*(int*)user;
}

static void note_progress(void* user, const char* what, uint64_t done, uint64_t total) {
  if (what[0] && done <= total) ++*(int*)user;
}

static int32_t keep_last(void* user, int64_t first, const float* values, size_t rows, size_t vocabulary) {
  int64_t* best = user;
  const float* row = values + (rows - 1) * vocabulary;
  size_t i;
  (void)first;
  *best = 0;
  for (i = 1; i < vocabulary; ++i)
    if (row[i] > row[*best]) *best = (int64_t)i;
  return 0;
}

static int32_t refuse_rows(void* user, int64_t first, const float* values, size_t rows, size_t vocabulary) {
  (void)user, (void)first, (void)values, (void)rows, (void)vocabulary;
  return 1;
}

static collected answer(lk_session* session, uint32_t slot, const lk_generate_options* options, lk_answer* result) {
  collected c;
  memset(&c, 0, sizeof c);
  NEED(lk_generate(session, slot, options, collect, &c, result));
  return c;
}

static void check_arguments(lk_device* device, const char* path) {
  lk_device* other = NULL;
  lk_model* model = NULL;
  lk_device_options options = {sizeof options};
  struct {
    lk_session_options known;
    uint64_t unknown;
  } newer = {{sizeof newer}, 0};
  CHECK(lk_model_load(NULL, path, NULL, &model) == LK_INVALID_ARGUMENT && strlen(lk_last_error()) > 10);
  CHECK(lk_model_load(device, "/no/such/model", NULL, &model) == LK_NOT_FOUND && model == NULL);
  CHECK(strstr(lk_last_error(), "/no/such/model") != NULL);
  options.size = 3;
  CHECK(lk_device_open(&options, &other) == LK_INVALID_ARGUMENT && strstr(lk_last_error(), "lk_device_options") != NULL);
  options.size = sizeof options;
  options.device = "no such device";
  CHECK(lk_device_open(&options, &other) != LK_OK && other == NULL);
  {
    lk_external_device external = {sizeof external};
    CHECK(lk_device_adopt(&external, NULL, &other) != LK_OK && other == NULL);
    CHECK(lk_device_adopt(NULL, NULL, &other) == LK_INVALID_ARGUMENT);
  }
  CHECK(lk_device_close(NULL) == LK_OK && lk_model_free(NULL) == LK_OK && lk_session_free(NULL) == LK_OK && lk_chat_free(NULL) == LK_OK);
  NEED(lk_model_load(device, path, NULL, &model));
  {
    lk_session* session = NULL;
    CHECK(lk_session_create(model, &newer.known, &session) == LK_OK);
    CHECK(lk_device_close(device) == LK_INVALID_ARGUMENT);
    CHECK(lk_model_free(model) == LK_INVALID_ARGUMENT);
    NEED(lk_session_free(session));
    newer.unknown = 1;
    CHECK(lk_session_create(model, &newer.known, &session) == LK_UNSUPPORTED && session == NULL);
  }
  NEED(lk_model_free(model));
}

static void check_text(const lk_model* model) {
  int32_t ids[64];
  char text[64];
  size_t count = 0, size = 0;
  const char* source = "<|im_start|>Gr\xc3\xbc\xc3\x9f" "e";
  NEED(lk_tokenize(model, source, strlen(source), LK_PARSE_SPECIAL, ids, 64, &count));
  CHECK(count == 8 && ids[0] == 256 && ids[1] == 'G' && ids[3] == 0xc3);
  NEED(lk_detokenize(model, ids, count, text, sizeof text, &size));
  CHECK(size == strlen(source) && memcmp(text, source, size) == 0);
  NEED(lk_tokenize(model, source, strlen(source), 0, ids, 3, &count));
  CHECK(count == 12 + 7 && ids[0] == '<' && ids[2] == 'i');
}

static void check_answers(lk_model* model) {
  lk_session_options options = {sizeof options};
  lk_session_memory memory = {sizeof memory};
  lk_session* session = NULL;
  lk_generate_options greedy = {sizeof greedy}, sampled = {sizeof sampled};
  lk_answer result = {sizeof result};
  collected first, again, other;
  const int32_t* tokens = NULL;
  size_t count = 0, size = 0;
  void* saved = NULL;
  int64_t best = -1;
  float log_probs[4] = {1, 1, 1, 1}, *bias;
  int kernels = 0;
  options.context = 128;
  options.slots = 3;
  options.logit_bias = 1;
  options.progress = note_progress;
  options.progress_user = &kernels;
  NEED(lk_session_get_memory(model, &options, &memory));
  CHECK(memory.cache_bytes > 0 && memory.scratch_bytes > 0);
  NEED(lk_session_create(model, &options, &session));
  CHECK(lk_session_context(session) == 128);
  greedy.max_tokens = 10;
  greedy.ignore_eos = 1;
  CHECK(lk_generate(session, 0, &greedy, NULL, NULL, NULL) == LK_INVALID_ARGUMENT); /* nothing to go on from */
  CHECK(lk_generate(session, 9, &greedy, NULL, NULL, NULL) == LK_INVALID_ARGUMENT);

  NEED(lk_session_set_text(session, 0, "hello", 5));
  NEED(lk_session_fork(session, 0, 1));
  first = answer(session, 0, &greedy, &result);
  CHECK(first.count == 10 && result.stop_reason == LK_STOP_LENGTH && result.generated_tokens == 10 && kernels > 0);
  again = answer(session, 1, &greedy, NULL);
  CHECK(again.count == 10 && memcmp(first.ids, again.ids, 10 * sizeof(int32_t)) == 0 && again.size == first.size);
  NEED(lk_session_get_tokens(session, 0, &tokens, &count));
  CHECK(count == 15 && tokens[0] == 'h' && tokens[5] == first.ids[0]);

  NEED(lk_session_save(session, 0, &saved, &size));
  first = answer(session, 0, &greedy, NULL);
  NEED(lk_session_restore(session, 2, saved, size));
  again = answer(session, 2, &greedy, NULL);
  CHECK(memcmp(first.ids, again.ids, 10 * sizeof(int32_t)) == 0);
  CHECK(lk_session_restore(session, 2, saved, size / 2) == LK_CORRUPT);
  lk_free(saved);

  sampled.temperature = 2;
  sampled.seed = 7;
  sampled.max_tokens = 10;
  sampled.ignore_eos = 1;
  NEED(lk_session_set_tokens(session, 1, (const int32_t[]){1, 2, 3}, 3));
  NEED(lk_session_fork(session, 1, 2));
  first = answer(session, 1, &sampled, NULL);
  again = answer(session, 2, &sampled, NULL);
  CHECK(memcmp(first.ids, again.ids, 10 * sizeof(int32_t)) == 0);

  NEED(lk_session_logits(session, 1, (const int32_t[]){1, 2, 3, 4}, 4, keep_last, &best));
  NEED(lk_session_set_tokens(session, 1, (const int32_t[]){1, 2, 3, 4}, 4));
  other = answer(session, 1, &greedy, NULL);
  CHECK(best == other.ids[0]);
  CHECK(lk_session_logits(session, 1, (const int32_t[]){1, 2}, 2, refuse_rows, NULL) == LK_CANCELLED);
  NEED(lk_session_log_probs(session, 1, (const int32_t[]){1, 2, 3, 4}, 4, log_probs));
  CHECK(log_probs[0] < 0 && log_probs[2] < 0 && log_probs[3] == 1);

  bias = malloc(260 * sizeof *bias);
  for (size_t i = 0; i < 260; ++i) bias[i] = i == 'x' ? 0 : -INFINITY;
  NEED(lk_session_set_logit_bias(session, 1, bias, 260));
  NEED(lk_session_set_text(session, 1, "a", 1));
  other = answer(session, 1, &greedy, NULL);
  CHECK(other.size == 10 && memcmp(other.text, "xxxxxxxxxx", 10) == 0);
  CHECK(lk_session_set_logit_bias(session, 1, bias, 3) == LK_INVALID_ARGUMENT);
  free(bias);
  {
    const char* stops[] = {"never", "xxx"};
    greedy.stop = stops;
    greedy.stop_count = 2;
    NEED(lk_session_set_text(session, 1, "a", 1));
    other = answer(session, 1, &greedy, &result);
    CHECK(other.size == 0 && other.count == 3 && result.stop_reason == LK_STOP_TEXT);
    greedy.stop = NULL;
    CHECK(lk_generate(session, 1, &greedy, NULL, NULL, NULL) == LK_INVALID_ARGUMENT);
    greedy.stop_count = 0;
  }
  memset(&other, 0, sizeof other);
  other.limit = 2;
  NEED(lk_generate(session, 1, &greedy, collect, &other, &result));
  CHECK(other.count == 2 && result.stop_reason == LK_STOP_TEXT);
  memset(&other, 0, sizeof other);
  other.to_cancel = session;
  NEED(lk_generate(session, 1, &greedy, collect, &other, &result));
  CHECK(other.count == 1 && result.stop_reason == LK_STOP_CANCELLED);
  sampled.temperature = -1;
  CHECK(lk_generate(session, 1, &sampled, NULL, NULL, NULL) == LK_INVALID_ARGUMENT);
  NEED(lk_session_clear(session, 1));
  NEED(lk_session_free(session));
}

static void check_chat(lk_model* model) {
  lk_session* session = NULL;
  lk_chat* chat = NULL;
  lk_chat_options options = {sizeof options};
  lk_generate_options generate = {sizeof generate};
  lk_answer result = {sizeof result};
  collected first, second;
  memset(&first, 0, sizeof first);
  memset(&second, 0, sizeof second);
  generate.max_tokens = 6;
  NEED(lk_session_create(model, NULL, &session));
  options.chat_template = "{% if %}";
  CHECK(lk_chat_create(session, &options, &chat) != LK_OK && chat == NULL);
  options.chat_template = NULL;
  options.system_message = "Be brief.";
  NEED(lk_chat_create(session, &options, &chat));
  CHECK(lk_session_free(session) == LK_INVALID_ARGUMENT);
  NEED(lk_chat_ask(chat, "Hi", &generate, collect, &first, &result));
  CHECK(result.prompt_tokens > 20);
  NEED(lk_chat_ask(chat, "Again", &generate, NULL, NULL, &result));
  NEED(lk_chat_reset(chat));
  NEED(lk_chat_ask(chat, "Hi", &generate, collect, &second, &result));
  CHECK(first.count == second.count && memcmp(first.ids, second.ids, first.count * sizeof(int32_t)) == 0);
  NEED(lk_chat_free(chat));
  NEED(lk_session_free(session));
}

static void check_all(lk_device* device, const char* path) {
  lk_model* model = NULL;
  lk_model_options model_options = {sizeof model_options};
  lk_model_info info = {sizeof info};
  uint64_t weights = 0, files = 0, used = 0, available = 0;
  int steps = 0;
  NEED(lk_model_memory(path, &weights, &files));
  model_options.progress = note_progress;
  model_options.progress_user = &steps;
  NEED(lk_model_load(device, path, &model_options, &model));
  NEED(lk_model_get_info(model, &info));
  CHECK(strcmp(info.architecture, "llama") == 0 && info.layers == 1 && info.vocabulary == 260 && info.has_tokenizer && info.has_chat_template);
  CHECK(info.weight_bytes == weights && info.file_bytes == files && weights > 0 && steps > 0);
  CHECK(!info.has_vision && info.experts == 0 && info.visual_tokens == 0);
  NEED(lk_device_memory(device, &used, &available));
  CHECK(used >= weights && available > 0);
  check_text(model);
  check_answers(model);
  check_chat(model);
  check_blind(model);
  NEED(lk_model_free(model));
  check_arguments(device, path);
}

int main(int argc, char** argv) {
  lk_device* device = NULL;
  lk_device_options options = {sizeof options};
  int lines = 0, devices = 0;
  if (argc != 2 && argc != 4 && argc != 5) return 2;
  CHECK(strcmp(lk_last_error(), "") == 0 && strlen(lk_version()) >= 5);
  options.log = count_line;
  options.log_user = &lines;
  NEED(lk_device_list(&options, count_device, &devices));
  CHECK(devices > 0);
  NEED(lk_device_open(&options, &device));
  CHECK(lk_device_name(device)[0] != 0);
  if (argc == 2) check_all(device, argv[1]);
  else if (argc == 5) check_adapters(device, argv[2], argv[3], argv[4]);
  else check_pictures(device, argv[1], argv[2], argv[3]);
  NEED(lk_device_close(device));
  if (failures == 0) printf("the C interface works\n");
  return failures != 0;
}
