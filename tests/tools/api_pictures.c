/* Pictures through the C interface. */
#include <math.h>
#include <string.h>

#include "api_checks.h"

static unsigned char* whole_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  unsigned char* bytes = malloc(1 << 20);
  if (!file || !bytes) exit(3);
  *size = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  return bytes;
}

static double sum(const float* values, size_t count) {
  double total = 0;
  for (size_t i = 0; i < count; ++i) total += (double)values[i];
  return total;
}

static collected ask(lk_chat* chat, const char* question) {
  collected c;
  lk_generate_options options = {sizeof options};
  memset(&c, 0, sizeof c);
  options.max_tokens = 16;
  NEED(lk_chat_ask(chat, question, &options, collect, &c, NULL));
  return c;
}

static lk_session* session_of(lk_model* model, const char* policy, lk_multi_image multi, uint32_t pictures) {
  lk_session* session = NULL;
  lk_session_options options = {sizeof options};
  options.slots = 2;
  options.expert_policy = policy;
  options.multi_image = multi;
  options.pictures = pictures;
  NEED(lk_session_create(model, &options, &session));
  return session;
}

/* A chat of two turns; prints the first answer's ids. */
static void check_turns(lk_model* model, const lk_picture* picture, const char* question) {
  lk_session* session = session_of(model, NULL, LK_MULTI_IMAGE_REFUSE, 0);
  lk_chat* chat = NULL;
  lk_routing routing = {sizeof routing};
  collected first, again;
  char* text = NULL;
  NEED(lk_chat_create(session, NULL, &chat));
  CHECK(lk_session_get_routing(session, 0, 0, &routing) == LK_NOT_FOUND);
  NEED(lk_chat_set_pictures(chat, picture, 1));
  first = ask(chat, question);
  printf("ids:");
  for (size_t i = 0; i < first.count; ++i) printf(" %ld", (long)first.ids[i]);
  printf("\n");

  NEED(lk_session_get_routing(session, 0, 0, &routing));
  CHECK(routing.expert_count == 6 && routing.token_count > 10 && routing.tokens[0] >= 0);
  CHECK(fabs(sum(routing.probabilities, 6) - 1) < 1e-5 && fabs(sum(routing.weights, 6) - 1) < 1e-5);
  CHECK(fabs(sum(routing.attention, routing.token_count) - 1) < 1e-4);
  CHECK(routing.entropy > 0 && routing.entropy < 1 && !routing.reused && routing.vision_ms > 0);
  CHECK(routing.experts_ms > 0 && fabs(routing.expert_ms[0] * 6 - routing.experts_ms) < 1e-9);
  CHECK(lk_session_get_routing(session, 0, 1, &routing) == LK_NOT_FOUND && strstr(lk_last_error(), "was not routed"));
  CHECK(lk_session_get_routing(session, 9, 0, &routing) == LK_INVALID_ARGUMENT);
  NEED(lk_session_routing_json(session, 0, 0, &text));
  CHECK(strstr(text, "\"expert_ms\":[") && strstr(text, "\"picture_reused\":false"));
  lk_free(text);
  NEED(lk_session_routing_svg(session, 0, 0, &text));
  CHECK(strncmp(text, "<svg ", 5) == 0 && strstr(text, "expert 5"));
  lk_free(text);

  (void)ask(chat, "And now?");
  NEED(lk_session_get_routing(session, 0, 0, &routing));
  CHECK(routing.reused); /* no vision pass ran for the second question */
  NEED(lk_chat_reset(chat));
  again = ask(chat, question);
  CHECK(again.count == first.count && memcmp(again.ids, first.ids, first.count * sizeof(int32_t)) == 0);
  NEED(lk_chat_set_pictures(chat, NULL, 0)); /* from now on without */
  (void)ask(chat, "Hello");
  CHECK(lk_session_get_routing(session, 0, 0, &routing) == LK_NOT_FOUND);
  NEED(lk_chat_free(chat));
  NEED(lk_session_free(session));
}

static const char kPrompt[] = "<|im_start|>user\n<image>\nWhat is this?<|im_end|>\n<|im_start|>assistant\n";

/* How a picture is routed for the prompt: no two pictures alike. */
static void route(lk_session* session, const lk_picture* picture, float probabilities[6]) {
  lk_routing routing = {sizeof routing};
  NEED(lk_session_set_pictures(session, 0, picture, 1));
  NEED(lk_session_set_text(session, 0, kPrompt, strlen(kPrompt)));
  NEED(lk_session_get_routing(session, 0, 0, &routing));
  memcpy(probabilities, routing.probabilities, sizeof(float[6]));
}

static int same(const float a[6], const float b[6]) { return memcmp(a, b, sizeof(float[6])) == 0; }

/* A picture file as it is, with the switch for transparency, and as a JPEG that lies on its side. */
static void check_switches(lk_model* model, const lk_picture* picture) {
  static const unsigned char exif[] = {0xff, 0xe1, 0,    34,   'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8,
                                       0,    1,    0x01, 0x12, 0,   3,   0,   0,   0, 1, 0,   6,   0, 0,  0, 0, 0, 0};
  lk_session* session = session_of(model, NULL, LK_MULTI_IMAGE_REFUSE, 0);
  const unsigned char* file = picture->file;
  const int is_jpeg = file[0] == 0xff && file[1] == 0xd8,
            has_alpha = !is_jpeg && file[25] == 6; /* a PNG's colour type */
  lk_picture other = *picture;
  float plain[6], changed[6];
  route(session, picture, plain);
  other.alpha = LK_ALPHA_BLEND;
  route(session, &other, changed);
  CHECK(same(plain, changed) != has_alpha);
  other.alpha = LK_ALPHA_BLEND + 1;
  CHECK(lk_session_set_pictures(session, 0, &other, 1) == LK_INVALID_ARGUMENT);
  if (is_jpeg) {
    unsigned char* turned = malloc(picture->file_size + sizeof exif);
    if (!turned) exit(3);
    memcpy(turned, file, 2);
    memcpy(turned + 2, exif, sizeof exif);
    memcpy(turned + 2 + sizeof exif, file + 2, picture->file_size - 2);
    other = *picture;
    other.file = turned;
    other.file_size += sizeof exif;
    route(session, &other, changed);
    CHECK(!same(plain, changed));
    other.keep_orientation = 1;
    route(session, &other, changed);
    CHECK(same(plain, changed));
    free(turned);
  }
  NEED(lk_session_free(session));
}

/* As published, the pictures after the first one are zeros: what they show changes nothing. */
static void check_zeros(lk_model* model, const lk_picture* picture) {
  const uint8_t rgb[3] = {200, 30, 5};
  lk_session* session = session_of(model, NULL, LK_MULTI_IMAGE_ZEROS, 0);
  lk_routing routing = {sizeof routing};
  lk_picture both[2];
  lk_chat* chat = NULL;
  collected twice, other, alone;
  both[0] = both[1] = *picture;
  NEED(lk_chat_create(session, NULL, &chat));
  NEED(lk_chat_set_pictures(chat, both, 2));
  twice = ask(chat, "What do they show?");
  NEED(lk_session_get_routing(session, 0, 0, &routing));
  CHECK(lk_session_get_routing(session, 0, 1, &routing) == LK_NOT_FOUND);
  CHECK(strstr(lk_last_error(), "picture 1 of slot 0 was not routed, 1 was.") != NULL);
  memset(&both[1], 0, sizeof both[1]);
  both[1].size = sizeof both[1];
  both[1].rgb = rgb;
  both[1].width = both[1].height = 1;
  NEED(lk_chat_set_pictures(chat, both, 2));
  other = ask(chat, "What do they show?");
  CHECK(other.count == twice.count && memcmp(other.ids, twice.ids, twice.count * sizeof(int32_t)) == 0);
  NEED(lk_chat_set_pictures(chat, both, 1));
  alone = ask(chat, "What do they show?");
  CHECK(alone.count != twice.count || memcmp(alone.ids, twice.ids, twice.count * sizeof(int32_t)) != 0);
  NEED(lk_chat_free(chat));
  NEED(lk_session_free(session));
}

/* Ids with the place of a picture, without a chat. An answer in two parts is the answer at once. */
static void check_tokens(lk_model* model, const lk_picture* picture, uint32_t visual_tokens) {
  lk_session* session = session_of(model, "top-k:2,renormalise", LK_MULTI_IMAGE_REFUSE, 0);
  lk_generate_options options = {sizeof options};
  lk_routing routing = {sizeof routing};
  lk_answer result = {sizeof result};
  const int32_t* tokens = NULL;
  int32_t ids[64];
  float log_probs[64];
  size_t count = 0, places = 0;
  collected whole, parts;
  void* saved = NULL;
  memset(&whole, 0, sizeof whole);
  memset(&parts, 0, sizeof parts);
  options.ignore_eos = 1;
  NEED(lk_session_set_pictures(session, 0, picture, 1));
  CHECK(lk_generate(session, 0, NULL, NULL, NULL, NULL) == LK_INVALID_ARGUMENT); /* nothing to go on from */
  NEED(lk_session_set_text(session, 0, kPrompt, strlen(kPrompt)));
  NEED(lk_session_get_tokens(session, 0, &tokens, &count));
  for (size_t i = 0; i < count; ++i) places += tokens[i] == LK_PICTURE;
  CHECK(count < 64 && places == 1);
  memcpy(ids, tokens, count * sizeof *ids);
  NEED(lk_session_fork(session, 0, 1));
  options.max_tokens = 8;
  NEED(lk_generate(session, 0, &options, collect, &whole, &result));
  CHECK(whole.count == 8);
  NEED(lk_session_get_routing(session, 0, 0, &routing));
  CHECK(fabs(sum(routing.weights, 6) - 1) < 1e-5 && routing.token_count == count - 1);
  for (size_t i = 0, working = 0; i < 6; ++i) {
    working += routing.weights[i] != 0;
    CHECK((routing.weights[i] == 0) == (routing.expert_ms[i] == 0) && (i < 5 || working == 2));
  }
  options.max_tokens = 3;
  NEED(lk_generate(session, 1, &options, collect, &parts, NULL));
  options.max_tokens = 5;
  NEED(lk_generate(session, 1, &options, collect, &parts, NULL));
  CHECK(parts.count == 8 && memcmp(parts.ids, whole.ids, sizeof(int32_t[8])) == 0);
  NEED(lk_session_get_tokens(session, 1, &tokens, &count));
  CHECK(tokens[count - 1] == whole.ids[7]);
  CHECK(lk_session_save(session, 0, &saved, &count) == LK_UNSUPPORTED && strstr(lk_last_error(), "cannot be saved"));

  count = 0;
  while (ids[count] != LK_PICTURE) ++count;
  memset(log_probs, 0, sizeof log_probs);
  log_probs[count + 2] = 1;
  NEED(lk_session_log_probs(session, 0, ids, count + 3, log_probs));
  CHECK(log_probs[count - 1] == 0 && log_probs[count] < 0 && log_probs[count + 1] < 0 && log_probs[count + 2] == 1);
  CHECK(visual_tokens == 17);

  NEED(lk_session_clear(session, 0));
  CHECK(lk_session_set_tokens(session, 0, ids, 10) == LK_INVALID_ARGUMENT && strstr(lk_last_error(), "0 were given"));
  NEED(lk_session_free(session));
}

static void check_refused(lk_model* model, const lk_picture* good) {
  lk_session *session = NULL, *each = session_of(model, NULL, LK_MULTI_IMAGE_EACH, 2);
  lk_session_options options = {sizeof options};
  lk_picture bad = {sizeof bad}, several[3];
  const uint8_t rgb[12] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9};
  lk_routing routing = {sizeof routing};
  lk_chat* chat = NULL;
  for (int i = 0; i < 3; ++i) several[i] = *good;

  options.expert_policy = "best";
  CHECK(lk_session_create(model, &options, &session) == LK_INVALID_ARGUMENT && session == NULL);
  CHECK(strstr(lk_last_error(), "\"best\" is no expert policy; there are dense") != NULL);
  options.expert_policy = "top-k:9"; /* of 6: refused before there is a picture */
  CHECK(lk_session_create(model, &options, &session) == LK_INVALID_ARGUMENT && session == NULL);
  CHECK(strstr(lk_last_error(), "the expert policy does not fit the model") && strstr(lk_last_error(), "top_k is 9"));
  options.expert_policy = NULL;
  options.multi_image = 7;
  CHECK(lk_session_create(model, &options, &session) == LK_INVALID_ARGUMENT && strstr(lk_last_error(), "not 7"));

  session = session_of(model, NULL, LK_MULTI_IMAGE_REFUSE, 0);
  NEED(lk_chat_create(session, NULL, &chat));
  NEED(lk_chat_set_pictures(chat, good, 1));
  CHECK(lk_session_set_pictures(session, 0, &bad, 1) == LK_INVALID_ARGUMENT && strstr(lk_last_error(), "needs either"));
  bad.file = "this is no picture";
  bad.file_size = 18;
  CHECK(lk_session_set_pictures(session, 0, &bad, 1) == LK_CORRUPT && strstr(lk_last_error(), "picture 0"));
  CHECK(lk_chat_set_pictures(chat, &bad, 1) == LK_CORRUPT);
  bad.file_size = 0;
  CHECK(lk_session_set_pictures(session, 0, &bad, 1) == LK_CORRUPT);
  bad.file = good->file;
  bad.file_size = good->file_size / 2;
  CHECK(lk_session_set_pictures(session, 0, &bad, 1) == LK_CORRUPT);
  bad.rgb = rgb;
  CHECK(lk_session_set_pictures(session, 0, &bad, 1) == LK_INVALID_ARGUMENT && strstr(lk_last_error(), "needs either"));
  bad.file = NULL;
  bad.width = 2;
  CHECK(lk_session_set_pictures(session, 0, &bad, 1) == LK_INVALID_ARGUMENT && strstr(lk_last_error(), "2 x 0 pixels"));
  bad.width = bad.height = UINT32_MAX;
  CHECK(lk_session_set_pictures(session, 0, &bad, 1) == LK_UNSUPPORTED);
  bad.size = 3;
  CHECK(lk_session_set_pictures(session, 0, &bad, 1) == LK_INVALID_ARGUMENT && strstr(lk_last_error(), "lk_picture.size"));
  CHECK(lk_session_set_pictures(session, 0, NULL, 1) == LK_INVALID_ARGUMENT);
  CHECK(lk_session_set_pictures(session, 9, good, 1) == LK_INVALID_ARGUMENT);
  CHECK(lk_session_set_pictures(session, 0, several, 2) == LK_INVALID_ARGUMENT);
  CHECK(strstr(lk_last_error(), "2 were given; lk_session_options.multi_image says") != NULL);
  (void)ask(chat, "What is it?"); /* all these left the slot as it was */
  NEED(lk_session_get_routing(session, 0, 0, &routing));
  NEED(lk_chat_free(chat));
  NEED(lk_session_free(session));

  CHECK(lk_session_set_pictures(each, 0, several, 3) == LK_INVALID_ARGUMENT && strstr(lk_last_error(), "2 pictures at most"));
  memset(&several[1], 0, sizeof several[1]);
  several[1].size = sizeof several[1];
  several[1].rgb = rgb;
  several[1].width = several[1].height = 2;
  NEED(lk_chat_create(each, NULL, &chat));
  NEED(lk_chat_set_pictures(chat, several, 2));
  (void)ask(chat, "What do they show?");
  NEED(lk_session_get_routing(each, 0, 1, &routing));
  CHECK(fabs(sum(routing.probabilities, 6) - 1) < 1e-5);
  NEED(lk_chat_free(chat));
  NEED(lk_session_free(each));
}

static void check_memory(lk_device* device, lk_model* model, const char* path) {
  lk_memory_options options = {sizeof options};
  lk_memory_plan plan = {sizeof plan}, smaller = {sizeof smaller};
  lk_session_memory memory = {sizeof memory};
  lk_model* other = NULL;
  lk_model_options missing = {sizeof missing};
  uint64_t weights = 0;
  NEED(lk_model_memory(path, &weights, NULL));
  NEED(lk_model_plan_memory(device, path, NULL, &plan));
  CHECK(plan.decoder > 0 && plan.vision > 0 && plan.experts > 0 && plan.decoder + plan.vision + plan.experts == weights);
  CHECK(plan.total == weights + plan.cache + plan.reading + plan.picture && plan.picture > 0);
  options.type = "q8_0";
  options.kv_f16 = 1;
  options.context = 256;
  NEED(lk_model_plan_memory(device, path, &options, &smaller));
  CHECK(smaller.experts < plan.experts && smaller.cache < plan.cache / 2);
  options.type = "small";
  CHECK(lk_model_plan_memory(device, path, &options, &plan) == LK_INVALID_ARGUMENT && strstr(lk_last_error(), "\"small\""));
  options.type = "i64";
  CHECK(lk_model_plan_memory(device, path, &options, &plan) == LK_INVALID_ARGUMENT && strstr(lk_last_error(), "i64"));
  options.type = NULL;
  options.context = -1;
  CHECK(lk_model_plan_memory(device, path, &options, &plan) == LK_INVALID_ARGUMENT);
  NEED(lk_session_get_memory(model, NULL, &memory));
  CHECK(memory.picture_bytes > 0);
  missing.vision_folder = "/no/such/tower";
  CHECK(lk_model_load(device, path, &missing, &other) != LK_OK && other == NULL && strstr(lk_last_error(), "/no/such/tower"));
}

void check_pictures(lk_device* device, const char* path, const char* file, const char* question) {
  lk_model* model = NULL;
  lk_model_info info = {sizeof info};
  lk_picture picture = {sizeof picture};
  unsigned char* bytes = whole_file(file, &picture.file_size);
  picture.file = bytes;
  NEED(lk_model_load(device, path, NULL, &model));
  NEED(lk_model_get_info(model, &info));
  CHECK(strcmp(info.architecture, "parrot_qwen2") == 0 && info.has_vision && info.experts == 6);
  check_turns(model, &picture, question);
  check_tokens(model, &picture, info.visual_tokens);
  check_switches(model, &picture);
  check_zeros(model, &picture);
  check_refused(model, &picture);
  check_memory(device, model, path);
  NEED(lk_model_free(model));
  free(bytes);
}

void check_blind(lk_model* model) {
  const uint8_t rgb[3] = {1, 2, 3};
  const int32_t place[2] = {1, LK_PICTURE};
  lk_picture picture = {sizeof picture};
  lk_session* session = NULL;
  picture.rgb = rgb;
  picture.width = picture.height = 1;
  NEED(lk_session_create(model, NULL, &session));
  CHECK(lk_session_set_pictures(session, 0, &picture, 1) == LK_INVALID_ARGUMENT);
  CHECK(strstr(lk_last_error(), "is a model for text alone: it cannot see pictures.") != NULL);
  CHECK(lk_session_set_tokens(session, 0, place, 2) == LK_INVALID_ARGUMENT);
  NEED(lk_session_free(session));
}
