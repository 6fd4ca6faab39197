/* The C interface of Lorikeet: language models, and models that see, on any GPU with Vulkan. C99, UTF-8 throughout.
 *
 * Calls that can fail return a status; after one that is not LK_OK, lk_last_error() of the same thread is the sentence
 * that says why. Nothing ends the process, and no C++ exception leaves these functions.
 *
 * Handles nest: device > model > adapter, session > chat; a session also needs its adapters. Each must be freed before
 * the one it was made from; freeing one that is still needed is refused with LK_INVALID_ARGUMENT. A session, and the
 * chats on it, belong to one thread at a time; only lk_session_cancel may be called from anywhere.
 *
 * Structs begin with their own size, so that they can grow: `lk_session_options options = {sizeof options};` leaves all
 * else zero, and zero always means "the default". Where options may be NULL, that is the same as all zero.
 */
#ifndef LORIKEET_H
#define LORIKEET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lk_status {
  LK_OK = 0,
  LK_INVALID_ARGUMENT, /* the caller asked for something that makes no sense */
  LK_NOT_FOUND,        /* a file, tensor, device or key is missing */
  LK_CORRUPT,          /* a file's bytes contradict themselves */
  LK_UNSUPPORTED,      /* well-formed, but not implemented or not possible on this device */
  LK_OUT_OF_MEMORY,    /* host or device */
  LK_DEVICE_LOST,      /* the device stopped, and opening it again did not help */
  LK_IO,               /* the operating system refused */
  LK_CANCELLED,        /* by lk_session_cancel or a callback */
  LK_INTERNAL          /* a defect in Lorikeet */
} lk_status;

const char* lk_version(void);                 /* "major.minor.patch" */
const char* lk_status_name(lk_status status); /* "invalid_argument" */
const char* lk_last_error(void); /* of this thread's last call that failed; "" if none has. Valid until its next one. */
void lk_free(void* memory);      /* frees what lk_session_save and lk_session_routing_* returned */

/* One line without a line end. May be called from any thread that is inside a call of Lorikeet. */
typedef void (*lk_log_fn)(void* user, const char* line);
/* `what` is "weights" (bytes) or "kernels" (their number). */
typedef void (*lk_progress_fn)(void* user, const char* what, uint64_t done, uint64_t total);

/* -- devices ---------------------------------------------------------------------------------------------------------
 */

typedef struct lk_device lk_device;

typedef struct lk_device_options {
  size_t size;
  const char* device;       /* number, or part of a name; NULL: the environment's LORIKEET_DEVICE, or the best one */
  const char* cache_folder; /* for compiled kernels; NULL: LORIKEET_CACHE, or the user's cache folder */
  int32_t compile_threads;  /* 0: all cores */
  int32_t validation;       /* 1: Vulkan's validation layer, where it is installed; its messages go to the log */
  lk_log_fn log;
  void* log_user;
} lk_device_options;

typedef struct lk_device_info {
  size_t size;
  uint32_t index; /* what lk_device_options.device takes */
  int32_t usable, chosen;
  const char* name;
  const char* driver;
  const char* kind;   /* "cpu", "integrated", "discrete", "other" */
  const char* reason; /* why it was chosen, or why not */
  uint64_t memory_bytes;
} lk_device_info;
typedef void (*lk_device_info_fn)(void* user, const lk_device_info* info); /* valid during the call */

/* Tells of every Vulkan device. LK_OK also when there is none. */
lk_status lk_device_list(const lk_device_options* options, lk_device_info_fn on_device, void* user);
lk_status lk_device_open(const lk_device_options* options, lk_device** device);

/* A device of the caller's: handles of Vulkan as pointers. They must outlive the lk_device. Only those features are
 * used that are said to be enabled. When such a device is lost, calls end with LK_DEVICE_LOST. */
typedef struct lk_external_device {
  size_t size;
  void* get_instance_proc_addr; /* PFN_vkGetInstanceProcAddr */
  void* instance;               /* VkInstance, of Vulkan 1.1 or later */
  void* physical_device;        /* VkPhysicalDevice */
  void* device;                 /* VkDevice */
  void* queue;                  /* VkQueue that can compute; Lorikeet locks only its own use of it */
  uint32_t queue_family;
  int32_t storage_16, float16, storage_8, integer_dot, timeline; /* 1: enabled */
} lk_external_device;
lk_status lk_device_adopt(const lk_external_device* external, const lk_device_options* options, lk_device** device);

lk_status lk_device_close(lk_device* device); /* NULL does nothing */
const char* lk_device_name(const lk_device* device);
lk_status lk_device_memory(const lk_device* device, uint64_t* used, uint64_t* available);

/* -- models ----------------------------------------------------------------------------------------------------------
 */

typedef struct lk_model lk_model;

typedef struct lk_model_options {
  size_t size;
  lk_progress_fn progress;
  void* progress_user;
  lk_log_fn notice; /* what was done otherwise than the file says */
  void* notice_user;
  const char* vision_folder; /* of the vision tower, where a directory only names it; NULL: it is found by itself */
} lk_model_options;

typedef struct lk_model_info {
  size_t size;
  const char* architecture; /* "llama", "parrot_qwen2"; valid as long as the model */
  uint32_t layers, hidden, vocabulary, context;
  int32_t has_tokenizer, has_chat_template;
  uint64_t weight_bytes; /* on the device */
  uint64_t file_bytes;
  int32_t has_vision;     /* 1: it can be asked about pictures */
  uint32_t experts;       /* visual ones; 0: none, or they are switched off */
  uint32_t visual_tokens; /* positions of a conversation that one picture takes */
} lk_model_info;

/* What loading a model would take, without a device and without loading it. */
lk_status lk_model_memory(const char* path, uint64_t* weight_bytes, uint64_t* file_bytes);

typedef struct lk_memory_options {
  size_t size;
  const char* vision_folder; /* as in lk_model_options */
  /* What matrices would be converted to ("f16", "q8_0", "q4_0"): config.json is enough then. NULL: as the files are. */
  const char* type;
  int64_t context; /* positions of a conversation; 0: 4096, or the model's if smaller */
  int32_t kv_f16;  /* 1: half the memory for the cache */
} lk_memory_options;

/* In bytes. `vision` is the tower and the projector; it, `experts` and `picture` are 0 in a model for text alone. */
typedef struct lk_memory_plan {
  size_t size;
  uint64_t decoder, vision, experts; /* weights */
  uint64_t cache;                    /* of one conversation at full context */
  uint64_t reading, picture;         /* scratch for reading a prompt, and for seeing a picture */
  uint64_t total;
} lk_memory_plan;

/* What a model and one conversation on it would take on this device, without loading it. */
lk_status lk_model_plan_memory(const lk_device* device, const char* path, const lk_memory_options* options,
                               lk_memory_plan* plan);

/* A GGUF file or a Hugging Face directory; NULL: the nano model, which comes with the library. */
lk_status lk_model_load(lk_device* device, const char* path, const lk_model_options* options, lk_model** model);
lk_status lk_model_free(lk_model* model); /* NULL does nothing */
lk_status lk_model_get_info(const lk_model* model, lk_model_info* info);

enum {
  LK_ADD_SPECIAL = 1,  /* with the tokenizer's own BOS and EOS */
  LK_PARSE_SPECIAL = 2 /* special tokens in the text become their ids */
};
/* Writes at most `capacity` ids; `count` is how many there are, so that a second call can have them all. */
lk_status lk_tokenize(const lk_model* model, const char* text, size_t text_size, uint32_t flags, int32_t* ids,
                      size_t capacity, size_t* count);
/* Writes at most `capacity` bytes and no final zero; `size` is how many there are. */
lk_status lk_detokenize(const lk_model* model, const int32_t* ids, size_t count, char* text, size_t capacity,
                        size_t* size);

/* -- adapters --------------------------------------------------------------------------------------------------------
 */

/* LoRA, and its mixtures of experts: DynMoLE, MixLoRA, MoLA, LoRAMoE. Dropout is off. */
typedef struct lk_adapter lk_adapter;

typedef struct lk_adapter_options {
  size_t size;
  lk_log_fn notice; /* keys that are not known, another base than the adapter names */
  void* notice_user;
} lk_adapter_options;

typedef struct lk_adapter_info {
  size_t size;
  const char* kind; /* "LoRA", "DynMoLE", "MixLoRA", ...; valid as long as the program */
  uint32_t rank;    /* of the experts, where there are some */
  uint32_t experts; /* of each router; 1 without routers */
  uint32_t routers; /* 0: a plain LoRA */
  uint64_t bytes;   /* on the device, in each session that has it */
} lk_adapter_info;

/* A folder with adapter_config.json and adapter_model.safetensors or adapter_model.bin, for the layers of this model.
 * LK_INVALID_ARGUMENT if it does not fit. */
lk_status lk_adapter_open(lk_model* model, const char* folder, const lk_adapter_options* options, lk_adapter** adapter);
lk_status lk_adapter_free(lk_adapter* adapter); /* NULL does nothing */
lk_status lk_adapter_get_info(const lk_adapter* adapter, lk_adapter_info* info);

/* -- sessions --------------------------------------------------------------------------------------------------------
 */

typedef struct lk_session lk_session;

/* What becomes of the pictures after the first one of a conversation. */
typedef enum lk_multi_image {
  LK_MULTI_IMAGE_REFUSE = 0,
  LK_MULTI_IMAGE_ZEROS, /* their tokens are zeros, as published */
  LK_MULTI_IMAGE_EACH   /* each is routed by the question, as the first one is */
} lk_multi_image;

typedef struct lk_session_options {
  size_t size;
  int64_t context;      /* positions of a conversation; 0: 4096, or the model's if smaller */
  uint32_t slots;       /* conversations; 0: 1 */
  int32_t kv_f16;       /* 1: half the memory for the cache */
  int32_t reproducible; /* 1: the same bits whatever is computed at once */
  int32_t logit_bias;   /* 1: lk_session_set_logit_bias may be used */
  lk_progress_fn progress;
  void* progress_user;
  /* Which visual experts work: "top-k:2", "top-p:0.8" or "min-weight:0.05", maybe followed by ",renormalise"; NULL:
   * "dense", all of them, as published */
  const char* expert_policy;
  int32_t multi_image;         /* an lk_multi_image */
  uint32_t pictures;           /* that a conversation may have with LK_MULTI_IMAGE_EACH, up to 64; 0: 1 */
  lk_adapter* const* adapters; /* of the same model, at most 32; conversations use those of lk_session_set_adapters */
  size_t adapter_count;
  const double* adapter_scales; /* (adapter_count) multiply what each adds; NULL: 1 */
  uint32_t active_experts;      /* of a factored model: of each layer; 0: as the file says */
  int32_t observe_adapters;     /* 1: lk_session_adapter_routing_* may be used; answers come slower then */
} lk_session_options;

typedef struct lk_session_memory {
  size_t size;
  uint64_t cache_bytes, scratch_bytes, table_bytes; /* at full context */
  uint64_t picture_bytes;                           /* scratch for seeing a picture */
  uint64_t adapter_bytes;
} lk_session_memory;

lk_status lk_session_get_memory(lk_model* model, const lk_session_options* options, lk_session_memory* memory);
lk_status lk_session_create(lk_model* model, const lk_session_options* options, lk_session** session);
lk_status lk_session_free(lk_session* session); /* NULL does nothing */
int64_t lk_session_context(const lk_session* session);
/* Ends the call in progress with LK_CANCELLED, or an answer with LK_STOP_CANCELLED; from any thread or signal handler.
 */
void lk_session_cancel(lk_session* session);

/* The adapters of the conversation in a slot, by their numbers in the session's options; at first none. What was read
 * without them is read again. Plain LoRAs add up; of adapters with routers a conversation has one at most. */
lk_status lk_session_set_adapters(lk_session* session, uint32_t slot, const uint32_t* adapters, size_t count);

/* How the routers of an adapter, by its number in the session's options, routed all positions since the session was made:
 * text with a zero behind it, free with lk_free. One line of JSON, {"rows": n, "all": SUMS, "routers": [SUMS with "layer"
 * and "projection"]} with the mean entropy and number of active experts, their histogram and the experts' shares of
 * weights and rows; or a drawing in SVG. LK_NOT_FOUND for an adapter without routers. */
lk_status lk_session_adapter_routing_json(const lk_session* session, uint32_t adapter, char** text);
lk_status lk_session_adapter_routing_svg(const lk_session* session, uint32_t adapter, char** text);

/* Makes a text or tokens the conversation of a slot; what it shares with the one of before at the front is kept. Text
 * is read under the tokenizer's own rule for BOS. Each picture has a place in it: LK_PICTURE among the ids, and
 * "<image>" in the text of a model that sees. */
lk_status lk_session_set_text(lk_session* session, uint32_t slot, const char* text, size_t text_size);
lk_status lk_session_set_tokens(lk_session* session, uint32_t slot, const int32_t* ids, size_t count);
/* All tokens of the conversation, answers included, LK_PICTURE for each picture; valid until the next call with this
 * session. */
lk_status lk_session_get_tokens(const lk_session* session, uint32_t slot, const int32_t** ids, size_t* count);
lk_status lk_session_clear(lk_session* session, uint32_t slot);             /* its pictures too */
lk_status lk_session_fork(lk_session* session, uint32_t from, uint32_t to); /* `to` becomes a copy */
/* A conversation as bytes, for lk_session_restore into a session of the same model and cache type; free with lk_free.
 * LK_UNSUPPORTED for one about a picture. */
lk_status lk_session_save(lk_session* session, uint32_t slot, void** data, size_t* size);
lk_status lk_session_restore(lk_session* session, uint32_t slot, const void* data, size_t size);
/* Added to the logits before sampling, `count` = vocabulary; -INFINITY forbids a token. NULL and 0: none. */
lk_status lk_session_set_logit_bias(lk_session* session, uint32_t slot, const float* bias, size_t count);

/* `rows` x vocabulary logits of the positions from `first` on; a token has one position, a picture
 * lk_model_info.visual_tokens. 0 goes on, anything else cancels. */
typedef int32_t (*lk_logits_fn)(void* user, int64_t first, const float* values, size_t rows, size_t vocabulary);
/* Both read the tokens as a new conversation of the slot. log_probs[i] belongs to ids[i + 1]: count - 1 values, 0 for
 * a picture. */
lk_status lk_session_logits(lk_session* session, uint32_t slot, const int32_t* ids, size_t count, lk_logits_fn on_rows,
                            void* user);
lk_status lk_session_log_probs(lk_session* session, uint32_t slot, const int32_t* ids, size_t count, float* log_probs);

/* -- pictures --------------------------------------------------------------------------------------------------------
 */

enum { LK_PICTURE = -200 }; /* the place of a picture among token ids */

/* As the model's files say; dropped, so that the colours stay; blended over white. */
typedef enum lk_alpha { LK_ALPHA_OF_MODEL = 0, LK_ALPHA_DROP, LK_ALPHA_BLEND } lk_alpha;

/* A file or pixels, not both; they are copied. */
typedef struct lk_picture {
  size_t size;
  const void* file; /* the bytes of a JPEG, PNG, GIF or BMP file */
  size_t file_size;
  const uint8_t* rgb; /* (height, width, 3) */
  uint32_t width, height;
  int32_t keep_orientation; /* 1: a JPEG stays as its pixels lie; 0: it is turned upright as its EXIF data say */
  int32_t alpha;            /* lk_alpha: what transparency becomes */
} lk_picture;

/* Makes pictures those of a slot, whose conversation is forgotten: the tokens that are set next have as many places.
 * NULL and 0: none. LK_CORRUPT for what is no picture, LK_INVALID_ARGUMENT for more than the session takes or a model
 * for text alone; then the slot is as before. */
lk_status lk_session_set_pictures(lk_session* session, uint32_t slot, const lk_picture* pictures, size_t count);

/* How the text of a conversation routed a picture to the visual experts. What it points to is valid until the next call
 * with the session. */
typedef struct lk_routing {
  size_t size;
  size_t token_count, expert_count; /* expert_count is 0 where the experts are switched off */
  const int32_t* tokens;            /* (token_count) of the text without the pictures */
  const float* attention;           /* (token_count) how much each counted; their sum is 1. NULL without experts */
  const float* probabilities;       /* (expert_count) their sum is 1 */
  const float* weights;             /* (expert_count) after the policy; 0: skipped */
  float entropy;                    /* of the probabilities, from 0 to 1 */
  int32_t reused;                   /* 1: the picture had been seen before, so that no vision pass ran */
  double vision_ms, experts_ms;     /* of the vision pass (or the copy), and of routing and all experts */
  /* (expert_count) The share of each in experts_ms, 0: skipped. The experts run together and are not timed one by one:
   * those that work have equally many rows, so equal shares. */
  const double* expert_ms;
} lk_routing;

/* Of picture `picture`, from 0, by the tokens that were set last. With LK_MULTI_IMAGE_ZEROS only the first is routed.
 * LK_NOT_FOUND if it was not. */
lk_status lk_session_get_routing(const lk_session* session, uint32_t slot, size_t picture, lk_routing* routing);
/* The same as text with a zero behind it, free with lk_free: one line of JSON, or a drawing in SVG. */
lk_status lk_session_routing_json(const lk_session* session, uint32_t slot, size_t picture, char** text);
lk_status lk_session_routing_svg(const lk_session* session, uint32_t slot, size_t picture, char** text);

/* -- answers ---------------------------------------------------------------------------------------------------------
 */

typedef enum lk_stop_reason { LK_STOP_EOS = 0, LK_STOP_TEXT, LK_STOP_LENGTH, LK_STOP_CANCELLED } lk_stop_reason;

/* Greedy unless `temperature` is above 0. Stages in Hugging Face's order. */
typedef struct lk_generate_options {
  size_t size;
  float temperature;
  uint32_t top_k;       /* 0: off */
  float top_p;          /* 0 or 1: off */
  float min_p;          /* 0: off */
  float repeat_penalty; /* 0 or 1: off */
  int32_t ignore_eos;   /* 1: go on after the tokens that end an answer */
  uint64_t seed;
  int64_t max_tokens;      /* 0: until the context is full */
  const char* const* stop; /* texts that end the answer before them */
  size_t stop_count;
} lk_generate_options;

typedef struct lk_answer {
  size_t size;
  lk_stop_reason stop_reason;
  uint64_t prompt_tokens; /* read for this answer */
  uint64_t generated_tokens;
  double prompt_ms, generate_ms;
} lk_answer;

/* Each token and the text that is certain after it: `size` bytes of whole characters, often 0, with a zero behind them.
 * What is left at the end comes with token -1. Returns 0 to go on; anything else ends the answer with LK_STOP_TEXT. */
typedef int32_t (*lk_token_fn)(void* user, int32_t token, const char* text, size_t size);

/* Continues the conversation of a slot. `answer` may be NULL. */
lk_status lk_generate(lk_session* session, uint32_t slot, const lk_generate_options* options, lk_token_fn on_token,
                      void* user, lk_answer* answer);

/* A conversation in turns, written in the model's own chat template (or ChatML, if it has none). */
typedef struct lk_chat lk_chat;

typedef struct lk_chat_options {
  size_t size;
  uint32_t slot;
  const char* system_message; /* NULL: none */
  const char* chat_template;  /* Jinja; NULL: the model's own */
} lk_chat_options;

lk_status lk_chat_create(lk_session* session, const lk_chat_options* options, lk_chat** chat);
/* The pictures that the first question is about, and so the others; the conversation begins anew. In later turns a
 * picture is routed anew but not looked at again. Errors as of lk_session_set_pictures. */
lk_status lk_chat_set_pictures(lk_chat* chat, const lk_picture* pictures, size_t count);
/* After an error the conversation is as before the question. */
lk_status lk_chat_ask(lk_chat* chat, const char* question, const lk_generate_options* options, lk_token_fn on_token,
                      void* user, lk_answer* answer);
lk_status lk_chat_reset(lk_chat* chat); /* back to the system message; pictures stay */
lk_status lk_chat_free(lk_chat* chat);  /* NULL does nothing */

/* -- training --------------------------------------------------------------------------------------------------------
 * A trainer is made from a model, whose weights stay as they are, and belongs to one thread at a time. */

typedef struct lk_trainer lk_trainer;

typedef enum lk_adapter_kind {
  LK_ADAPTER_DYNMOLE = 0,
  LK_ADAPTER_LORA,
  LK_ADAPTER_MIXLORA,
  LK_ADAPTER_MOLA
} lk_adapter_kind;

typedef struct lk_trainer_options {
  size_t size;
  int32_t kind; /* an lk_adapter_kind; what is zero below is as published for it, see docs/finetuning.md */
  uint32_t rank;
  double alpha;   /* 0: twice the rank */
  double dropout; /* negative: none; 0: 0.05 */
  uint32_t experts;
  uint32_t batch;       /* examples at once; 0: 8 */
  uint32_t accumulate;  /* batches a step; 0: 2 */
  int32_t answers_only; /* 1: prompts are not learnt */
  double rate;          /* of learning; 0: 2e-4 */
  uint64_t epochs;      /* 0: 2 */
  uint64_t steps;       /* instead of epochs; 0: as many as these have */
  int64_t max_tokens;   /* of an example, longer ones are cut; 0: 512 */
  uint64_t seed;        /* 0: 42 */
  lk_progress_fn progress;
  void* progress_user;
  /* (weight_count) Weights of the model itself instead of an adapter: regular expressions for whole names of tensors, see
   * docs/finetuning.md. `kind` and what belongs to adapters are not read then, and `rate` 0 is 2e-5. */
  const char* const* weights;
  size_t weight_count;
  int32_t no_experts; /* 1: of a model that sees: pictures go past its visual experts */
} lk_trainer_options;

typedef struct lk_training_step {
  size_t size;
  uint64_t step, steps; /* made, and of the whole run */
  double epoch, loss, aux, rate, gradient_norm, tokens_per_second, seconds_left;
} lk_training_step;

/* `data` is a file of examples: JSON Lines or a JSON array. */
lk_status lk_trainer_create(lk_model* model, const char* data, const lk_trainer_options* options, lk_trainer** trainer);
lk_status lk_trainer_free(lk_trainer* trainer);                         /* NULL does nothing */
lk_status lk_trainer_step(lk_trainer* trainer, lk_training_step* step); /* `step` may be NULL */
/* The adapter, in place of one that is there. Of trained weights the model, in the format that it came in: as
 * FOLDER/model, a directory, or FOLDER/model.gguf. */
lk_status lk_trainer_save(lk_trainer* trainer, const char* folder);
/* All that a run needs to go on with the same bits, in one file. A trainer of the same model, data and options takes it
 * up; one whose step said LK_DEVICE_LOST too, and the device is opened again. */
lk_status lk_trainer_save_checkpoint(lk_trainer* trainer, const char* file);
lk_status lk_trainer_resume(lk_trainer* trainer, const char* file);

#ifdef __cplusplus
}
#endif
#endif
