"""Train the small model that `modelc demo` compiles, and save it the way real models are saved.

Usage: python benchmarks/tools/train_digits.py compiler/modelc/data/digits

The data are the handwritten digits of scikit-learn (8 x 8 pixels, scaled to 0..1; UCI ML repository, Alpaydin and
Kaynak), split with a fixed seed into 1 437 images to train on and 360 to test with. A Keras convnet (convolution,
batch normalization, depthwise convolution, dropout, pooling, dense) learns them for 40 epochs with Adam.

The SavedModel keeps what a real one drags along: the optimizer with two slots for every weight, its iteration
counter and learning rate, and a signature "train" that does one step, beside "serving_default". The test images
go into `digits_test.npz` (x: uint8 0..16, to be divided by 16; y: uint8), with the probabilities that TensorFlow
computed for them (float32), so that `modelc demo` has something to compare with where TensorFlow is absent. Needs
TensorFlow and scikit-learn; runs in under a minute. Written with TensorFlow 2.21 and Keras 3.15; test accuracy 99.4 %.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SEED = 0
EPOCHS = 40
BATCH = 32
BRIGHTEST = 16


def digits() -> tuple[list[Any], list[Any]]:
    """Returns (images, labels) to train on and to test with; pixels are integers from 0 to 16."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1).astype(np.uint8)
    x_train, x_test, y_train, y_test = train_test_split(
        images, labels.astype(np.uint8), test_size=360, random_state=SEED, stratify=labels
    )
    return [x_train, y_train], [x_test, y_test]


def network() -> Any:
    """Returns the untrained convnet."""
    import keras

    keras.utils.set_random_seed(SEED)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Conv2D(16, 3, padding="same", use_bias=False, name="stem"),
            layers.BatchNormalization(name="stem_norm"),
            layers.ReLU(name="stem_relu"),
            layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise"),
            layers.BatchNormalization(name="depthwise_norm"),
            layers.ReLU(max_value=6.0, name="depthwise_relu"),
            layers.Conv2D(24, 1, activation="relu", name="pointwise"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Dropout(0.3, name="dropout"),
            layers.Flatten(name="flatten"),
            layers.Dense(10, activation="softmax", name="classes"),
        ],
        name="digits",
    )


def trained(images: Any, labels: Any) -> Any:
    """Returns the convnet after training."""
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(scaled(images), labels, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return model


def scaled(images: Any) -> Any:
    """Returns pixels as float32 from 0 to 1."""
    return images.astype(np.float32) / BRIGHTEST


def save(model: Any, path: Path) -> None:
    """Saves the model with its optimizer and the signatures `serving_default` and `train`."""
    import keras
    import tensorflow as tf

    optimizer, loss_of = model.optimizer, keras.losses.SparseCategoricalCrossentropy()

    def train(image: Any, label: Any) -> dict[str, Any]:
        with tf.GradientTape() as tape:
            loss = loss_of(label, model(image, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return {"loss": loss}

    def serve(image: Any) -> dict[str, Any]:
        return {"probabilities": model(image, training=False)}

    image = tf.TensorSpec([None, 8, 8, 1], tf.float32, name="image")
    label = tf.TensorSpec([None], tf.int32, name="label")
    module = tf.Module()
    module.model, module.optimizer = model, optimizer
    module.seeds = [variable.value for variable in model.variables if "seed" in variable.path]  # of dropout
    module.train = tf.function(train, input_signature=[image, label])
    module.serve = tf.function(serve, input_signature=[image])
    signatures = {"serving_default": module.serve, "train": module.train}
    tf.saved_model.save(module, str(path), signatures=signatures)


def probabilities(path: Path, images: Any) -> Any:
    """Returns what TensorFlow computes with the saved model: float32, one row of ten per image."""
    import tensorflow as tf

    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    return serve(image=tf.constant(scaled(images)))["probabilities"].numpy()


def main() -> None:
    """Trains, saves and tests."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = Path(sys.argv[1])
    train, (images, labels) = digits()
    model = trained(*train)
    save(model, path)
    recorded = probabilities(path, images)
    np.savez_compressed(path / "digits_test.npz", x=images, y=labels, probabilities=recorded)
    print(f"test accuracy {np.mean(recorded.argmax(axis=1) == labels):.4f}")


if __name__ == "__main__":
    main()
