// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";

import {DodonaOracle} from "../src/DodonaOracle.sol";
import {FeedRegistry} from "../src/FeedRegistry.sol";
import {ModelRegistry} from "../src/ModelRegistry.sol";
import {OperatorStaking} from "../src/OperatorStaking.sol";
import {IDodonaOracle} from "../src/interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../src/interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "../src/interfaces/IModelRegistry.sol";
import {SrsDigests} from "../src/libraries/SrsDigests.sol";
import {Words} from "../src/libraries/Words.sol";
import {VerifierRouter} from "../src/verifier/VerifierRouter.sol";
import {AggregatedVerifier, DirectVerifier} from "../src/verifier/VerifierWrapper.sol";
import {RawVerifier} from "./mocks/RawVerifiers.sol";

/// @notice A whole deployment with one feed and three models, and a stand-in for provers: `_prove` makes the mock
/// generated verifiers accept exactly the bytes that the written protocol prescribes, built here without the oracle's
/// help.
abstract contract Base is Test {
    uint8 internal constant DIRECT = 0;
    uint8 internal constant AGGREGATED = 1;
    uint32 internal constant SHAPE = 1;
    uint256 internal constant DIRECT_PROOF = 320;
    uint256 internal constant OUTER_PROOF = 640;
    uint256 internal constant GAS_CAP = 600_000;
    uint64 internal constant PERIOD = 60;
    uint256 internal constant START = 1_800_000_030;
    bytes32 internal constant DEV_SRS = SrsDigests.DEV_SRS_DIGEST;

    address internal owner = makeAddr("owner");
    address internal guardian = makeAddr("guardian");
    address internal author = makeAddr("author");
    address internal operator = makeAddr("operator");
    address internal user = makeAddr("user");
    address internal feedOwner = makeAddr("feed owner");
    uint256 internal key1 = uint256(keccak256("publisher 1"));
    uint256 internal key2 = uint256(keccak256("publisher 2"));
    address internal publisher1;
    address internal publisher2;

    FeedRegistry internal feeds;
    ModelRegistry internal models;
    VerifierRouter internal router;
    OperatorStaking internal staking;
    DodonaOracle internal oracle;
    RawVerifier internal directRaw;
    RawVerifier internal aggregatedRaw;
    DirectVerifier internal direct;
    AggregatedVerifier internal aggregated;
    uint32 internal directVersion;
    uint32 internal aggregatedVersion;

    bytes32 internal feed;
    /// @dev one committed source of 16 values, 3 outputs
    bytes32 internal model;
    /// @dev one public source of 7 values (two words), then a committed one; 4 outputs (two words)
    bytes32 internal mixedModel;
    /// @dev two committed sources of one feed, 1 output
    bytes32 internal quorumModel;

    function setUp() public virtual {
        vm.warp(START);
        publisher1 = vm.addr(key1);
        publisher2 = vm.addr(key2);
        feeds = new FeedRegistry();
        models = new ModelRegistry(feeds);
        router = new VerifierRouter(owner, guardian, DEV_SRS, 0);
        staking = new OperatorStaking();
        oracle = new DodonaOracle(owner, models, feeds, router, staking, _ethPrices());
        directRaw = new RawVerifier();
        aggregatedRaw = new RawVerifier();
        direct = new DirectVerifier(GAS_CAP);
        aggregated = new AggregatedVerifier(address(aggregatedRaw), SHAPE, 16, OUTER_PROOF, GAS_CAP);
        vm.startPrank(owner);
        directVersion = router.addVersion(address(direct), address(direct).codehash, 0, DEV_SRS);
        aggregatedVersion = router.addVersion(
            address(aggregated), address(aggregated).codehash, address(aggregatedRaw).codehash, DEV_SRS
        );
        vm.stopPrank();

        address[] memory publishers = new address[](2);
        (publishers[0], publishers[1]) = (publisher1, publisher2);
        vm.prank(feedOwner);
        feed = feeds.createFeed(keccak256("schema"), 16, PERIOD, 0, publishers, 0);
        model = _register(_spec(_committed(1), 3));
        IModelRegistry.Source[] memory mixed = new IModelRegistry.Source[](2);
        mixed[0] = IModelRegistry.Source({kind: 1, feedId: 0, length: 7});
        mixed[1] = IModelRegistry.Source({kind: 0, feedId: feed, length: 16});
        mixedModel = _register(_spec(mixed, 4));
        quorumModel = _register(_spec(_committed(2), 1));
        vm.deal(user, 1_000 ether);
    }

    // ------------------------------------------------------------------ models

    function _committed(uint256 count) internal view returns (IModelRegistry.Source[] memory sources) {
        sources = new IModelRegistry.Source[](count);
        for (uint256 s = 0; s < count; ++s) {
            sources[s] = IModelRegistry.Source({kind: 0, feedId: feed, length: 16});
        }
    }

    function _spec(IModelRegistry.Source[] memory sources, uint16 nOutputs)
        internal
        view
        returns (IModelRegistry.ModelSpec memory spec)
    {
        spec.author = author;
        spec.onnxHash = keccak256(abi.encode("onnx", sources.length, nOutputs));
        spec.quantHash = keccak256("quant");
        spec.sources = sources;
        spec.nOutputs = nOutputs;
        spec.outputDecimals = 2;
        spec.shape = SHAPE;
        spec.vkDigests = new uint256[](3);
        for (uint256 i = 0; i < 3; ++i) {
            spec.vkDigests[i] = uint256(keccak256(abi.encode(nOutputs, i))) >> 8;
        }
        spec.directVerifierCodeHash = address(directRaw).codehash;
        spec.directProofLength = uint32(DIRECT_PROOF);
    }

    function _register(IModelRegistry.ModelSpec memory spec) internal returns (bytes32 id) {
        vm.prank(spec.author);
        id = models.register(spec);
        if (spec.directVerifierCodeHash != 0) models.setDirectVerifier(id, address(directRaw));
    }

    // ------------------------------------------------------------------ fuzzing

    /// @dev As `bound`, but every other time it is one of the ends: errors by one live there.
    function _edgy(uint256 seed, uint256 min, uint256 max) internal pure returns (uint256) {
        uint256 pick = uint256(keccak256(abi.encode(seed))) % 4;
        return pick == 0 ? min : pick == 1 ? max : bound(seed, min, max);
    }

    // ---------------------------------------------------------------- requests

    function _ethPrices() internal pure returns (IDodonaOracle.Prices memory) {
        return
            IDodonaOracle.Prices({direct: 0.001 ether, aggregated: 0.003 ether, callbackGasPrice: 1 gwei, listed: true});
    }

    /// @dev With the fee that is asked for, in ETH.
    function _params(bytes32 modelId, uint8 mode) internal view returns (IDodonaOracle.RequestParams memory params) {
        params.modelId = modelId;
        params.mode = mode;
        params.deadline = uint64(block.timestamp + 1 hours);
        params.maxDataAge = 10 minutes;
        if (modelId == mixedModel) {
            params.publicWords = new uint256[](2);
            (params.publicWords[0], params.publicWords[1]) = (101, 102);
        }
        if (mode < 2) params.fee = uint96(oracle.quote(params));
    }

    function _request(IDodonaOracle.RequestParams memory params) internal returns (bytes32) {
        if (params.feeToken == address(0)) params.fee = uint96(oracle.quote(params));
        vm.prank(user);
        return oracle.request{value: params.feeToken == address(0) ? params.fee : 0}(params);
    }

    /// @dev Stakes 1 ether for `account`, which lets the oracle reserve it.
    function _enlist(address account) internal {
        vm.deal(account, account.balance + 1 ether);
        vm.startPrank(account);
        staking.stake{value: 1 ether}();
        staking.authorise(address(oracle));
        vm.stopPrank();
    }

    function _freezeVersion(uint32 version) internal {
        vm.prank(guardian);
        router.freeze(version);
    }

    function _ids(bytes32 id) internal pure returns (bytes32[] memory ids) {
        ids = new bytes32[](1);
        ids[0] = id;
    }

    // ------------------------------------------------------------ observations

    function _header(uint256 commitment) internal view returns (IFeedRegistry.ObservationHeader memory header) {
        uint64 seq = uint64(block.timestamp) / PERIOD;
        header = IFeedRegistry.ObservationHeader({
            feedId: feed,
            setEpoch: 1,
            seq: seq,
            commitment: commitment,
            observedAt: seq * PERIOD,
            validUntil: seq * PERIOD + 1 days
        });
    }

    function _sign(IFeedRegistry.ObservationHeader memory header, uint256 key)
        internal
        view
        returns (IDodonaOracle.SignedHeader memory)
    {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, feeds.digestOf(header));
        return IDodonaOracle.SignedHeader({header: header, signature: abi.encodePacked(r, s, v)});
    }

    /// @dev A right slot for each model: outputs 6500, 7200, 500 … with both flags set.
    function _slot(bytes32 modelId) internal view returns (IDodonaOracle.Slot memory slot) {
        uint256 sources = modelId == quorumModel ? 2 : 1;
        slot.observations = new IDodonaOracle.SignedHeader[](sources);
        slot.observations[0] = _sign(_header(7_001), key1);
        if (sources == 2) slot.observations[1] = _sign(_header(7_002), key2);
        int64[] memory outputs = new int64[](modelId == model ? 3 : modelId == mixedModel ? 4 : 1);
        for (uint256 i = 0; i < outputs.length; ++i) {
            outputs[i] = [int64(650_000), 720_000, 50_000, -3][i];
        }
        slot.outputWords = Words.packOutputs(outputs, true, true);
        if (modelId == mixedModel) slot.publicWords = _params(mixedModel, 0).publicWords;
    }

    function _slots(IDodonaOracle.Slot memory slot) internal pure returns (IDodonaOracle.Slot[] memory slots) {
        slots = new IDodonaOracle.Slot[](1);
        slots[0] = slot;
    }

    // ------------------------------------------------------------------ proofs

    struct Delivery {
        bytes32[] ids;
        uint8 mode;
        address payee;
        uint64 expiry;
        IDodonaOracle.Slot[] slots;
        bytes proof;
    }

    function _delivery(bytes32 id, bytes32 modelId, uint8 mode) internal view returns (Delivery memory) {
        return Delivery({
            ids: _ids(id),
            mode: mode,
            payee: operator,
            expiry: uint64(block.timestamp + 1 hours),
            slots: _slots(_slot(modelId)),
            proof: ""
        });
    }

    /// @dev Instance words as docs/protocol.md says: the mixed model's public words come before its commitment.
    function _words(Delivery memory d) internal view returns (uint256[] memory words) {
        bytes memory flat = abi.encodePacked(
            uint256(keccak256(abi.encode(block.chainid, address(oracle), d.mode, d.ids, d.payee, d.expiry))) >> 8
        );
        for (uint256 b = 0; b < d.slots.length; ++b) {
            flat = abi.encodePacked(flat, d.slots[b].publicWords);
            for (uint256 s = 0; s < d.slots[b].observations.length; ++s) {
                flat = abi.encodePacked(flat, d.slots[b].observations[s].header.commitment);
            }
            flat = abi.encodePacked(flat, d.slots[b].outputWords);
        }
        uint256 used = flat.length / 32;
        words = new uint256[](d.mode == DIRECT ? used : 16);
        for (uint256 i = 0; i < used; ++i) {
            assembly {
                mstore(add(add(words, 0x20), mul(i, 0x20)), mload(add(add(flat, 0x20), mul(i, 0x20))))
            }
        }
    }

    /// @dev "Proves" `d` and nothing else.
    function _prove(Delivery memory d) internal returns (Delivery memory) {
        uint256[] memory words = _words(d);
        if (d.mode == DIRECT) {
            d.proof = _bytes(DIRECT_PROOF, words[0]);
            directRaw.prove(abi.encodePacked(words, d.proof));
        } else {
            uint256 digest = models.vkDigestOf(oracle.requestOf(d.ids[0]).modelId, d.ids.length);
            bytes memory limbs = _limbs(words[0]);
            bytes memory outer = _bytes(OUTER_PROOF, words[0]);
            d.proof = abi.encodePacked(limbs, outer);
            aggregatedRaw.prove(abi.encodePacked(limbs, digest, words, outer));
        }
        return d;
    }

    function _limbs(uint256 seed) internal pure returns (bytes memory limbs) {
        for (uint256 i = 0; i < 12; ++i) {
            limbs = abi.encodePacked(limbs, (uint256(keccak256(abi.encode(seed, i))) >> 168) | 1);
        }
    }

    function _bytes(uint256 length, uint256 seed) internal pure returns (bytes memory data) {
        while (data.length < length) data = abi.encodePacked(data, keccak256(abi.encode(seed, data.length)));
    }

    function _fulfil(Delivery memory d) internal returns (IDodonaOracle.Outcome[] memory) {
        vm.prank(operator);
        return oracle.fulfil(d.ids, d.mode, d.payee, d.expiry, d.slots, d.proof);
    }

    function _expectFulfilRevert(Delivery memory d, bytes memory reason) internal {
        vm.expectRevert(reason);
        _fulfil(d);
    }

    function _status(bytes32 id) internal view returns (uint256) {
        return uint256(oracle.statusOf(id));
    }
}
