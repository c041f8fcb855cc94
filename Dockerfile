# JupyterLab with the whole course, on the CPU:
#   docker build -t riffedu .
#   docker run --rm -p 8888:8888 -v riffedu-lessons:/home/learner/riffedu-lessons riffedu
# Then open the address that it prints; your lessons stay in the volume.

# Stage 1 builds the wheel, which holds the lessons, the clips and the model.
FROM python:3.11-slim AS build
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir "hatchling>=1.26" && python -m hatchling build -t wheel -d /dist

# Stage 2 has the wheel and its dependencies, and a user without privileges.
FROM python:3.11-slim
RUN useradd --create-home learner
COPY constraints.txt /tmp/
RUN --mount=type=bind,from=build,source=/dist,target=/dist \
    pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
        -c /tmp/constraints.txt /dist/*.whl
USER learner
WORKDIR /home/learner
RUN mkdir riffedu-lessons && riffedu check
EXPOSE 8888
CMD ["riffedu", "lab", "--no-browser", "--ip=0.0.0.0", "--port=8888"]
