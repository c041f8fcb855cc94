"""Lesson 08b: what its notebook imports."""

from riffedu.lessons.l08b_unet import exercises
from riffedu.lessons.l08b_unet.diagram import fields_picture, unet_diagram
from riffedu.lessons.l08b_unet.panel import unet_panel

__all__ = ["exercises", "fields_picture", "unet_diagram", "unet_panel"]
