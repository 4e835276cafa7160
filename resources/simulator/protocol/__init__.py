"""The simulator's wire format. `geniesim.proto` is the source; the `*_pb2*` files are generated from it:

python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. --grpc_python_out=. resources/simulator/protocol/geniesim.proto
"""
