"""The regression gate for face-recognition models: a face's road from image file to verdict."""
